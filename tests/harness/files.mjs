// Environment files: a new set for every step, read after it, whatever became of it.
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomUUID } from "node:crypto";

const SUMMARY_LIMIT = 1024 * 1024;

/** Paths by the name that GITHUB_… has in the environment and in the github context. */
export function createFiles(temp) {
  const folder = join(temp, "_runner_file_commands");
  mkdirSync(folder, { recursive: true });
  const suffix = randomUUID();
  const prefixes = {
    env: "set_env",
    output: "set_output",
    path: "add_path",
    state: "save_state",
    step_summary: "step_summary",
  };
  return Object.fromEntries(
    Object.entries(prefixes).map(([name, prefix]) => {
      const path = join(folder, `${prefix}_${suffix}`);
      writeFileSync(path, "");
      return [name, path];
    }),
  );
}

/** Apply what a step has written to itself and to its job. */
export function processFiles(files, step, job) {
  const handlers = {
    env: (path) => pairs(path).forEach(([name, value]) => setVariable(name, value, step, job)),
    output: (path) => pairs(path).forEach(([name, value]) => (step.outputs[name] = value)),
    path: (path) => lines(path).forEach((line) => addPath(line, step, job)),
    state: (path) => pairs(path).forEach(([name, value]) => (step.state[name] = value)),
    step_summary: (path) => readSummary(path, step),
  };
  for (const [name, path] of Object.entries(files)) {
    if (!existsSync(path)) continue;
    try {
      handlers[name](path);
    } catch (error) {
      step.issue("error", `Unable to process file command '${name}' successfully.`);
      step.issue("error", error.message);
      step.failed = true;
    }
  }
}

function setVariable(name, value, step, job) {
  if (name.toUpperCase() === "NODE_OPTIONS") {
    step.issue("error", `Can't store ${name} output parameter using '$GITHUB_ENV' command.`);
    return;
  }
  step.exported[name] = value;
  job.env[name] = value;
}

function addPath(line, step, job) {
  step.paths.push(line);
  job.path = [...job.path.filter((each) => each !== line), line];
}

function readSummary(path, step) {
  const size = statSync(path).size;
  if (size > SUMMARY_LIMIT) {
    const [limit, got] = [SUMMARY_LIMIT, size].map((bytes) => Math.floor(bytes / 1024));
    step.issue(
      "error",
      `$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of ${limit}k, got ${got}k.`,
    );
    step.summaryDropped = true;
    return;
  }
  const text = readFileSync(path, "utf8");
  step.summary = text
    .split("\n")
    .map((line) => step.masks.apply(line))
    .join("\n");
}

function lines(path) {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line);
}

/** `NAME=value` and `NAME<<DELIMITER` in a file, in order. Only LF ends a line. */
export function pairs(path) {
  const found = [];
  const reader = new Lines(readFileSync(path, "utf8"));
  for (let line = reader.next(); line !== undefined; line = reader.next()) {
    if (line) found.push(readPair(line, reader));
  }
  return found;
}

function readPair(line, reader) {
  const [equals, heredoc] = [line.indexOf("="), line.indexOf("<<")];
  if (equals >= 0 && (heredoc < 0 || equals < heredoc)) {
    if (equals === 0) throw new Error(`Invalid format '${line}'. Name must not be empty`);
    return [line.slice(0, equals), line.slice(equals + 1)];
  }
  if (heredoc < 0) throw new Error(`Invalid format '${line}'`);
  const [name, delimiter] = [line.slice(0, heredoc), line.slice(heredoc + 2)];
  if (!name || !delimiter)
    throw new Error(`Invalid format '${line}'. Name must not be empty and delimiter must not be empty`);
  const body = [];
  for (let each = reader.next(); each !== delimiter; each = reader.next()) {
    if (each === undefined) throw new Error(`Invalid value. Matching delimiter not found '${delimiter}'`);
    if (!reader.terminated) throw new Error("Invalid value. EOF marker missing new line.");
    body.push(each);
  }
  return [name, body.join("\n")];
}

class Lines {
  #at = 0;
  terminated = false;

  constructor(text) {
    this.text = text;
  }

  next() {
    if (this.#at >= this.text.length) return undefined;
    const end = this.text.indexOf("\n", this.#at);
    this.terminated = end >= 0;
    const line = this.text.slice(this.#at, this.terminated ? end : undefined);
    this.#at = this.terminated ? end + 1 : this.text.length;
    return line;
  }
}
