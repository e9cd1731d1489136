// What is known of a step while it runs and what the report says of it afterwards.
import { isAbsolute, relative } from "node:path";

const ISSUES_PER_STEP = 10;
const MESSAGE_LIMIT = 4096;

export class StepRecord {
  outputs = {};
  state = {};
  exported = {};
  paths = [];
  commands = [];
  annotations = [];
  issues = { error: 0, warning: 0, notice: 0 };
  lines = [];
  signals = [];
  steps = [];
  outcome = "success";
  conclusion = "success";
  exitCode = null;
  summary = "";
  summaryDropped = false;
  failed = false;
  with = {};

  /** `parent` is the record of the `uses:` step of a composite action, which counts its steps' annotations. */
  constructor({ id, name, uses, job, parent }) {
    Object.assign(this, { id, name, uses, job, parent });
  }

  get masks() {
    return this.job.masks;
  }

  log(line) {
    const masked = this.masks.apply(line);
    for (let each = this; each; each = each.parent) each.lines.push(masked);
  }

  debug(message) {
    if (this.job.debug) this.log(`##[debug]${message}`);
  }

  /** Log an error, a warning or a notice; the first ten of each kind in a step of the job become annotations. */
  issue(level, message, properties = {}) {
    const masked = this.masks.apply(message).slice(0, MESSAGE_LIMIT);
    this.log(`##[${level}]${message}`);
    let root = this;
    while (root.parent) root = root.parent;
    root.issues[level] += 1;
    if (root.issues[level] > ISSUES_PER_STEP) return;
    root.annotations.push({ level, message: masked, ...this.#place(properties) });
  }

  #place({ file, line, endLine, col, endColumn, title }) {
    const place = { file, line, endLine, col, endColumn, title };
    if (file && isAbsolute(file) && !relative(this.job.workspace, file).startsWith("..")) {
      place.file = relative(this.job.workspace, file);
    }
    if (!line || (endLine && endLine !== line)) {
      delete place.col;
      delete place.endColumn;
    }
    return Object.fromEntries(Object.entries(place).filter(([, value]) => value !== undefined));
  }

  report() {
    return {
      id: this.id,
      name: this.name,
      uses: this.uses ?? "",
      with: this.with,
      outcome: this.outcome,
      conclusion: this.conclusion,
      exit_code: this.exitCode,
      log: this.lines.join("\n"),
      outputs: this.outputs,
      exported: this.exported,
      paths: this.paths,
      annotations: this.annotations,
      issues: this.issues,
      commands: this.commands,
      signals: this.signals,
      summary: this.summary,
      summary_dropped: this.summaryDropped,
      steps: this.steps.map((each) => each.report()),
    };
  }
}
