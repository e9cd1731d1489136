// One step of a job or of a composite action: condition, environment, the work, outcome and conclusion.
import { runUses } from "./composite.mjs";
import { fields, holds, resolve, text, texts } from "./expressions.mjs";
import { StepRecord } from "./record.mjs";
import { runScript } from "./script.mjs";

/** Where steps run: a job, or a composite action inside of one. */
export class Frame {
  steps = {};
  status = "success";

  /** `contexts` are those of the place; `env` is what the `uses:` step of a composite action adds to the job's. */
  constructor({ job, document, contexts, env = {}, github = {}, defaults = {}, parent, origin, deadline }) {
    Object.assign(this, { job, document, contexts, env, github, defaults, parent, origin, deadline });
    this.depth = parent ? parent.depth + 1 : 0;
  }

  scope(env = this.env) {
    const { job } = this;
    const github = { ...job.github, ...this.github, action_status: this.status };
    return {
      contexts: {
        ...this.contexts,
        github,
        env: { ...job.env, ...env },
        steps: this.steps,
        job: { ...job.contexts.job, status: this.isCancelled() ? "cancelled" : this.status },
      },
      status: {
        success: () => this.status === "success" && !this.isCancelled(),
        failure: () => this.status === "failure" && !this.isCancelled(),
        cancelled: () => this.isCancelled(),
      },
      workspace: job.workspace,
    };
  }

  /** A composite action looks at itself for success and failure, but at the job for a cancellation. */
  isCancelled() {
    return this.job.isCancelled();
  }
}

/** Run all steps in order; an error in a condition ends a composite action's. `parent` is the record of its step. */
export async function runSteps(tokens, frame, parent) {
  const records = [];
  const counts = {};
  for (const token of tokens) {
    const step = fields(token);
    const record = new StepRecord({ ...identify(step, counts), job: frame.job, parent });
    records.push(record);
    const go = await runStep(step, record, frame);
    if (!go && parent) break;
  }
  return records;
}

function identify(step, counts) {
  const uses = step.uses?.toString();
  if (step.id) return { id: step.id.toString(), uses };
  const base = uses
    ? `__${
        uses
          .replace(/@.*/, "")
          .replace(/[^A-Za-z0-9]+/g, "-")
          .replace(/^-|-$/g, "") || "self"
      }`
    : "__run";
  counts[base] = (counts[base] ?? 0) + 1;
  return { id: counts[base] === 1 ? base : `${base}_${counts[base]}`, uses };
}

async function runStep(step, record, frame) {
  const scope = prepare(step, record, frame);
  const go = scope && decide(step, record, frame, scope);
  if (!go) {
    finish(record, frame);
    return go !== undefined;
  }
  frame.job.cancellation.started(record.id);
  try {
    const inner = { ...frame.github, action: record.id };
    const place = Object.assign(Object.create(frame), { github: inner, deadline: deadline(step, frame, scope) });
    await (step.run ? runScript(step, record, place, scope) : runUses(step, record, place, scope));
  } catch (error) {
    record.issue("error", error.message);
    record.outcome = "failure";
  }
  record.conclusion = record.outcome;
  forgive(step, record, scope);
  finish(record, frame);
  return true;
}

function prepare(step, record, frame) {
  try {
    const env = { ...frame.env, ...texts(step.env, frame.scope()) };
    record.env = env;
    const scope = frame.scope(env);
    record.name = step.name
      ? text(step.name, scope)
      : (record.uses ?? step.run?.toString().split("\n")[0] ?? record.id);
    return scope;
  } catch (error) {
    return reject(record, error);
  }
}

/** True to run, false to skip, undefined when the condition cannot be evaluated. */
function decide(step, record, frame, scope) {
  try {
    const go = holds(step.if, scope, frame.document.context);
    if (!go) record.outcome = record.conclusion = "skipped";
    return go;
  } catch (error) {
    return reject(record, error);
  }
}

function reject(record, error) {
  record.issue("error", `The template is not valid. ${error.message}`);
  record.outcome = record.conclusion = "failure";
  return undefined;
}

function deadline(step, frame, scope) {
  const minutes = step["timeout-minutes"] && Number(resolve(step["timeout-minutes"], scope));
  const own = minutes ? Date.now() + minutes * 60000 : Infinity;
  const least = Math.min(own, frame.deadline ?? Infinity);
  return least === Infinity ? undefined : least;
}

function forgive(step, record, scope) {
  if (record.timedOut) record.issue("error", `The action '${record.name}' has timed out.`);
  if (record.outcome === "failure" && step["continue-on-error"] && resolve(step["continue-on-error"], scope) === true) {
    record.conclusion = "success";
  }
}

function finish(record, frame) {
  const { outputs, outcome, conclusion } = record;
  if (!record.id.startsWith("__")) frame.steps[record.id] = { outputs, outcome, conclusion };
  if (conclusion === "failure") frame.status = "failure";
  if (conclusion === "cancelled" && frame.status === "success") frame.status = "cancelled";
}
