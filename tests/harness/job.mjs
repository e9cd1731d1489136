// A job on a fresh runner: folders, contexts, steps, outputs, deployment.
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { isMapping } from "@actions/workflow-parser";

import { entries, fields, resolve, text, texts } from "./expressions.mjs";
import { Masks } from "./masks.mjs";
import { killOrphans } from "./process.mjs";
import { resolveAction } from "./composite.mjs";
import { Frame, runSteps } from "./step.mjs";

/** Run one job, or one of its matrix. `place` says where it stands: see workflow.mjs. Returns its report. */
export async function runJob(token, place) {
  const job = setUp(place);
  const frame = new Frame({ job, document: place.document, contexts: job.contexts, origin: place.origin });
  const report = {
    workspace: job.workspace,
    temp: job.temp,
    home: job.home,
    steps: [],
    outputs: {},
    dropped_outputs: [],
    errors: [],
    orphans: [],
    deployment: null,
  };
  let records = [];
  try {
    job.env = environment(token, place, frame);
    frame.defaults = defaults(token, place, frame.scope());
    frame.deadline = deadline(token, frame.scope());
    prepareActions(token, frame);
    records = await runSteps([...token.steps], frame);
    deploy(token, frame, report);
    publish(token, frame, report);
  } catch (error) {
    report.errors.push(error.message);
    frame.status = "failure";
  }
  report.orphans = killOrphans(job.tracking);
  report.steps = records.map((each) => each.report());
  report.masks = job.masks.list();
  report.result = job.isCancelled() ? "cancelled" : frame.status;
  report.identity = Boolean(job.identity.ACTIONS_ID_TOKEN_REQUEST_URL);
  return report;
}

function setUp({ run, id, key, contexts, permissions, secrets, callee, environmentName, startedAfterCancel }) {
  const { request } = run;
  const home = mkdtempSync(join(request.work, `${id}-`));
  const name = contexts.github.repository.split("/")[1];
  const workspace = join(home, "work", name, name);
  const temp = join(home, "work", "_temp");
  for (const folder of [workspace, temp, request.tool_cache]) mkdirSync(folder, { recursive: true });
  const eventPath = join(temp, "_github_workflow", "event.json");
  mkdirSync(join(temp, "_github_workflow"));
  writeFileSync(eventPath, JSON.stringify(contexts.github.event));
  const masks = new Masks();
  const authority = tokenOf(permissions, request.token_key);
  const identity = identityOf(permissions, {
    request,
    github: contexts.github,
    callee,
    environment: environmentName,
  });
  for (const value of [authority, identity.ACTIONS_ID_TOKEN_REQUEST_TOKEN, ...Object.values(secrets)])
    if (value) masks.add(value);
  const runner = {
    name: "runner-in-miniature",
    os: "Linux",
    arch: "X64",
    environment: "github-hosted",
    temp,
    tool_cache: request.tool_cache,
    workspace: join(home, "work", name),
    ...(request.debug ? { debug: "1" } : {}),
  };
  return {
    id,
    key,
    home,
    workspace,
    temp,
    masks,
    identity,
    runner,
    env: {},
    path: [],
    debug: request.debug,
    machine: { XDG_STATE_HOME: join(home, "state"), ...request.environ },
    actions: request.actions,
    stubs: request.stubs,
    repository: request.repository,
    artifacts: run.artifacts,
    cancellation: run.cancellation,
    isCancelled: () => run.cancellation.requested && !startedAfterCancel,
    tracking: `github_${randomUUID()}`,
    github: { ...contexts.github, token: authority, workspace, event_path: eventPath, job: id },
    contexts: {
      ...contexts,
      runner,
      job: aboutWorkflow(callee ?? contexts.github.workflow_ref, contexts.github),
      secrets: { ...secrets, GITHUB_TOKEN: authority },
    },
  };
}

/** The job context's facts about the file in which the job stands. */
function aboutWorkflow(reference, github) {
  const [, repository, path, ref] = /^([^/]+\/[^/]+)\/([^@]+)@(.+)$/.exec(reference);
  const sha = /^[0-9a-f]{40}$/.test(ref) ? ref : github.sha;
  return { workflow_ref: reference, workflow_sha: sha, workflow_repository: repository, workflow_file_path: path };
}

/** A token that says itself what it may do, so that the local API can hold it to that. */
function tokenOf(permissions, key) {
  return `ghs_${Buffer.from(JSON.stringify({ permissions, key })).toString("base64url")}`;
}

function identityOf(permissions, { request, github, callee, environment }) {
  if (permissions["id-token"] !== "write" || !request.oidc) return {};
  const claims = {
    sub: `repo:${github.repository}:${subject(github, environment)}`,
    repository: github.repository,
    ref: github.ref,
    event_name: github.event_name,
    job_workflow_ref: callee ?? github.workflow_ref,
  };
  const query = new URLSearchParams({ "api-version": "2.0", claims: JSON.stringify(claims) });
  return {
    ACTIONS_ID_TOKEN_REQUEST_URL: `${request.oidc.url}?${query}`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: request.oidc.token,
  };
}

function subject(github, environment) {
  if (environment) return `environment:${environment.replaceAll(":", "%3A")}`;
  return github.event_name === "pull_request" ? "pull_request" : `ref:${github.ref}`;
}

/** What a workflow sets, and what its job does; a called workflow has nothing of its caller's. */
function environment(token, { workflow }, frame) {
  frame.job.env = texts(workflow.env, frame.scope());
  return { ...frame.job.env, ...texts(token.env, frame.scope()) };
}

function defaults(token, { workflow }, scope) {
  const read = (owner) => texts(fields(owner.defaults).run, scope);
  return { ...read(workflow), ...read(token) };
}

function deadline(token, scope) {
  const minutes = token["timeout-minutes"] && Number(resolve(token["timeout-minutes"], scope));
  return minutes ? Date.now() + minutes * 60000 : undefined;
}

/** The runner downloads all foreign actions before the first step, so an unknown one fails the job at once. */
function prepareActions(token, frame) {
  for (const step of token.steps) {
    const uses = fields(step).uses?.toString();
    if (uses && !uses.startsWith("./")) resolveAction(uses, frame);
  }
}

function publish(token, frame, report) {
  for (const [name, output] of entries(token.outputs)) {
    const value = text(output, frame.scope());
    if (frame.job.masks.hides(value)) report.dropped_outputs.push(name);
    else if (value) report.outputs[name] = value;
  }
}

function deploy(token, frame, report) {
  if (!token.environment) return;
  const mapping = isMapping(token.environment) ? fields(token.environment) : { name: token.environment };
  const name = text(mapping.name, frame.scope());
  const url = text(mapping.url, frame.scope());
  const hidden = frame.job.masks.hides(url);
  report.deployment = { environment: name, url: hidden ? "" : url, state: frame.status };
}
