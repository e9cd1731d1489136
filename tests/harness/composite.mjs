// `uses:` steps: finding the action, and running a composite one.
import { join } from "node:path";

import { loadAction } from "./documents.mjs";
import { entries, fields, text, texts } from "./expressions.mjs";
import { logMapping } from "./script.mjs";
import { Frame, runSteps } from "./step.mjs";
import { findStub } from "./stubs.mjs";

const MAX_DEPTH = 9;

/** Run the action of a step; outputs are evaluated even when it failed. */
export async function runUses(step, record, frame, scope) {
  const found = resolveAction(record.uses, frame);
  record.with = texts(step.with, scope);
  record.log(`##[group]Run ${record.uses}`);
  logMapping(record, "with", record.with);
  logMapping(record, "env", { ...frame.job.env, ...record.env });
  record.log("##[endgroup]");
  if (found.stub) {
    await found.stub(record.with, record, frame.job);
    if (record.failed) record.outcome = "failure";
    return;
  }
  await runComposite(found, step, record, frame);
}

/** Where the code of `uses:` lies, or the stub that stands for it. */
export function resolveAction(uses, frame) {
  const { job } = frame;
  if (uses.startsWith("./")) return { folder: join(job.workspace, uses), origin: frame.origin };
  if (uses.startsWith("$/")) return { folder: join(frame.origin, uses.slice(2)), origin: frame.origin };
  const [, repository, path, ref] = /^([^/@]+\/[^/@]+)((?:\/[^@]+)?)@(.+)$/.exec(uses) ?? [];
  if (!repository) throw new Error(`Expected format {org}/{repo}[/path]@ref. Actual '${uses}'`);
  const root = job.actions[repository.toLowerCase()];
  if (root) return { folder: join(root, path), origin: root, repository, ref };
  const stub = findStub(repository + path, job);
  if (!stub) throw new Error(`Unable to resolve action \`${uses}\`, repository or version not found`);
  return { stub };
}

async function runComposite({ folder, origin, repository, ref }, step, record, frame) {
  if (frame.depth >= MAX_DEPTH) throw new Error("Composite actions are nested too deeply (depth 9)");
  const document = loadAction(folder);
  const { inputs, outputs, runs } = fields(document.root);
  const { using, steps } = fields(runs);
  if (using.toString() !== "composite")
    throw new Error(`this runner in miniature runs composite actions only, not ${using}`);
  warnOfUnknown(record, inputs);
  const { strategy, matrix, runner } = frame.contexts;
  const github = { ...frame.github, action_path: folder, action_repository: repository ?? "", action_ref: ref ?? "" };
  const place = Object.assign(Object.create(frame), { github });
  const values = inputValues(inputs, record.with, place.scope());
  const inside = new Frame({
    job: frame.job,
    document,
    contexts: { strategy, matrix, runner, inputs: values },
    env: record.env,
    github,
    parent: frame,
    origin,
    deadline: frame.deadline,
  });
  record.steps = await runSteps(steps, inside, record);
  record.timedOut = record.steps.some((each) => each.timedOut);
  record.exitCode = record.steps.at(-1)?.exitCode ?? null;
  record.outcome = inside.status;
  const scope = inside.scope();
  for (const [name, output] of entries(outputs)) record.outputs[name] = text(fields(output).value, scope);
}

function warnOfUnknown(record, inputs) {
  const valid = entries(inputs).map(([name]) => name);
  const known = new Set(valid.map((name) => name.toLowerCase()));
  const quote = (names) => names.map((name) => `'${name}'`).join(", ");
  const unknown = Object.keys(record.with).filter((name) => !known.has(name.toLowerCase()));
  if (unknown.length)
    record.issue("warning", `Unexpected input(s) ${quote(unknown)}, valid inputs are [${quote(valid)}]`);
  for (const [name, input] of entries(inputs)) {
    const message = fields(input).deprecationMessage;
    if (message && Object.keys(record.with).some((each) => each.toLowerCase() === name.toLowerCase())) {
      record.issue("warning", `Input '${name}' has been deprecated with message: ${message}`);
    }
  }
}

/** Every declared input as a string; the runner does not enforce `required`. */
function inputValues(inputs, given, scope) {
  const lower = Object.fromEntries(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]));
  return Object.fromEntries(
    entries(inputs).map(([name, input]) => [name, lower[name.toLowerCase()] ?? text(fields(input).default, scope)]),
  );
}
