// A workflow: which jobs run, in which order, with which contexts; reusable workflows are the same one level down.
import { existsSync } from "node:fs";
import { join } from "node:path";

import { isMapping, isSequence } from "@actions/workflow-parser";

import { loadWorkflow } from "./documents.mjs";
import { entries, fields, holds, resolve, text } from "./expressions.mjs";
import { callInputs, callSecrets, dispatchInputs } from "./inputs.mjs";
import { runJob } from "./job.mjs";
import { combinations } from "./matrix.mjs";
import { resolvePermissions } from "./permissions.mjs";
import { isTriggered } from "./triggers.mjs";

const MAX_CALLS = 10;

/** Run a workflow file for the event of the request. */
export async function runWorkflow(run) {
  const { request, github } = run;
  const document = await loadWorkflow(join(request.repository, request.workflow), request.workflow);
  const workflow = fields(document.root);
  if (!isTriggered(workflow.on, run))
    return { triggered: false, conclusion: "skipped", concurrency: null, outputs: {}, jobs: [] };
  const contexts = {
    github: { ...github, workflow: workflow.name?.toString() ?? request.workflow },
    inputs: dispatchInputs(workflow.on, run),
    vars: request.vars,
  };
  const place = {
    run,
    document,
    workflow,
    origin: request.repository,
    contexts,
    secrets: run.secrets,
    prefix: "",
    depth: 0,
  };
  const { jobs, outputs } = await runJobs(place);
  const results = jobs.map((job) => (job.continue_on_error && job.result === "failure" ? "success" : job.result));
  const conclusion = ["cancelled", "failure"].find((bad) => results.includes(bad)) ?? "success";
  return {
    triggered: true,
    conclusion,
    concurrency: concurrencyOf(workflow.concurrency, scopeOf(place)),
    jobs,
    outputs,
  };
}

async function runJobs(place) {
  const jobs = [];
  const results = {};
  for (const [id, token] of inOrder(fields(place.workflow.jobs))) {
    const done = await runEntry(id, token, { ...place, results });
    jobs.push(...done.jobs);
    results[id] = { result: done.result, outputs: done.outputs, needs: needsOf(token) };
  }
  return { jobs, results, outputs: workflowOutputs(place, results) };
}

/** One entry of `jobs:`: skipped, or all of its matrix, or the workflow that it calls. */
async function runEntry(id, token, place) {
  const needs = contextOfNeeds(token, place.results);
  const scope = scopeOf(place, { needs }, ancestorsOf(needsOf(token), place.results));
  const told = { id: place.prefix + id, name: id, needs: needsOf(token) };
  try {
    const startedAfterCancel = place.run.cancellation.requested;
    if (!holds(token.if, scope, place.document.context)) {
      const result = startedAfterCancel ? "cancelled" : "skipped";
      return { result, outputs: {}, jobs: [{ ...blank(told), result }] };
    }
    return await runAll(told, token, { ...place, needs, startedAfterCancel }, scope);
  } catch (error) {
    return {
      result: "failure",
      outputs: {},
      jobs: [{ ...blank(told), result: "failure", errors: error.messages ?? [error.message] }],
    };
  }
}

async function runAll(told, token, place, scope) {
  const strategy = fields(token.strategy);
  const all = combinations(resolve(strategy.matrix, scope));
  const failFast = strategy["fail-fast"] === undefined || resolve(strategy["fail-fast"], scope) !== false;
  const jobs = [];
  const outputs = {};
  let result = "success";
  for (const [index, matrix] of all.entries()) {
    const one = {
      matrix,
      strategy: { "fail-fast": failFast, "job-index": index, "job-total": all.length, "max-parallel": all.length },
    };
    if (result !== "success" && failFast) {
      jobs.push({ ...blank(told), matrix, result: "cancelled" });
      continue;
    }
    const done = await runOne(told, token, place, one);
    jobs.push(...done.jobs);
    Object.assign(outputs, done.outputs);
    if (done.result !== "success" && !done.forgiven) result = done.result;
  }
  return { jobs, outputs, result };
}

async function runOne(told, token, place, { matrix, strategy }) {
  const contexts = { ...place.contexts, needs: place.needs, matrix, strategy };
  const scope = scopeOf(place, contexts);
  const asked = { limit: place.limit, untrusted: place.run.untrusted };
  const permissions = resolvePermissions(token.permissions, place.workflow.permissions, asked);
  const name = token.name ? text(token.name, scope) : told.name + suffix(matrix);
  const common = {
    ...blank(told),
    name,
    matrix,
    permissions,
    concurrency: concurrencyOf(token.concurrency, scope),
  };
  if (token.uses) return runCall(common, token, { ...place, contexts, permissions }, scope);
  const environmentName = environmentOf(token, scope);
  const inner = {
    ...place,
    id: told.id.split(" / ").at(-1),
    key: name,
    contexts,
    permissions,
    environmentName,
  };
  const report = await runJob(token, inner);
  const forgiven = Boolean(token["continue-on-error"] && resolve(token["continue-on-error"], scope));
  const job = {
    ...common,
    ...report,
    runs_on: resolve(token["runs-on"], scope),
    timeout_minutes: token["timeout-minutes"] ? Number(resolve(token["timeout-minutes"], scope)) : null,
    continue_on_error: forgiven,
  };
  return {
    jobs: [job],
    outputs: report.outputs,
    result: report.result,
    forgiven: forgiven && report.result === "failure",
  };
}

/** A job that calls a workflow of this repository (./…), or one of a repository that the test has mapped. */
async function runCall(common, token, place, scope) {
  if (place.depth >= MAX_CALLS) throw new Error(`Reusable workflows are nested too deeply (more than ${MAX_CALLS})`);
  const uses = token.uses.toString();
  const { origin, path, callee } = locate(uses, place);
  const document = await loadWorkflow(join(origin, path), path);
  const workflow = fields(document.root);
  const definition = fields(fields(workflow.on).workflow_call);
  const inside = {
    run: place.run,
    document,
    workflow,
    origin,
    callee,
    caller: place,
    contexts: {
      github: place.contexts.github,
      vars: place.contexts.vars,
      inputs: callInputs(definition, token, scope),
    },
    secrets: callSecrets(definition, token, scope, place.secrets),
    limit: place.permissions,
    prefix: `${common.id} / `,
    depth: place.depth + 1,
  };
  const { jobs, results, outputs } = await runJobs(inside);
  const bad = ["cancelled", "failure"].find((each) => Object.values(results).some(({ result }) => result === each));
  return { jobs: [{ ...common, result: bad ?? "success", uses, outputs }, ...jobs], outputs, result: bad ?? "success" };
}

function locate(uses, { run, origin }) {
  const [, repository, path] = /^([^/]+\/[^/]+)\/(.+)@.+$/.exec(uses) ?? [];
  const root = repository ? run.request.actions[repository.toLowerCase()] : origin;
  const file = path ?? uses.slice(2);
  if (!root || !existsSync(join(root, file)))
    throw new Error(`error parsing called workflow "${uses}": workflow was not found`);
  return { origin: root, path: file, callee: repository ? uses : `${run.github.repository}/${file}@${run.github.ref}` };
}

function workflowOutputs(place, results) {
  const { outputs } = fields(fields(place.workflow.on).workflow_call);
  if (!place.caller) return {};
  const scope = scopeOf(place, { jobs: results });
  return Object.fromEntries(entries(outputs).map(([name, output]) => [name, text(fields(output).value, scope)]));
}

function scopeOf(place, contexts = {}, ancestors = []) {
  const cancelled = () => place.run.cancellation.requested;
  return {
    contexts: { ...place.contexts, secrets: place.secrets, ...contexts },
    status: {
      success: () => !cancelled() && ancestors.every(({ result }) => result === "success"),
      failure: () => !cancelled() && ancestors.some(({ result }) => result === "failure"),
      cancelled,
    },
    workspace: place.origin,
  };
}

function needsOf(token) {
  if (token.needs === undefined) return [];
  return isSequence(token.needs) ? [...token.needs].map(String) : [token.needs.toString()];
}

function contextOfNeeds(token, results) {
  return Object.fromEntries(
    needsOf(token).map((id) => [id, { result: results[id].result, outputs: results[id].outputs }]),
  );
}

function ancestorsOf(ids, results) {
  return ids.flatMap((id) => [results[id], ...ancestorsOf(results[id].needs, results)]);
}

/** Jobs with their fields, each after those that it needs; the parser has refused cycles. */
function inOrder(jobs) {
  const waiting = Object.entries(jobs).map(([id, token]) => [id, fields(token)]);
  const ordered = [];
  while (waiting.length) {
    const done = new Set(ordered.map(([id]) => id));
    const next = waiting.findIndex(([, token]) => needsOf(token).every((id) => done.has(id)));
    ordered.push(...waiting.splice(next, 1));
  }
  return ordered;
}

function concurrencyOf(token, scope) {
  if (token === undefined) return null;
  const value = resolve(token, scope);
  return typeof value === "string" ? { group: value } : value;
}

function environmentOf(token, scope) {
  const { environment } = token;
  return environment && text(isMapping(environment) ? fields(environment).name : environment, scope);
}

function suffix(matrix) {
  const values = Object.values(matrix).map((value) => (typeof value === "object" ? "Object" : value));
  return values.length ? ` (${values.join(", ")})` : "";
}

function blank({ id, name, needs }) {
  return {
    id,
    name,
    needs,
    uses: "",
    result: "skipped",
    matrix: {},
    permissions: {},
    identity: false,
    concurrency: null,
    runs_on: null,
    timeout_minutes: null,
    continue_on_error: false,
    deployment: null,
    outputs: {},
    dropped_outputs: [],
    errors: [],
    orphans: [],
    masks: [],
    steps: [],
    workspace: "",
    temp: "",
    home: "",
  };
}
