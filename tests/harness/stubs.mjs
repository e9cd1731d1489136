// Foreign actions: what the tests need of them, without their code.
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";

import { checkOut } from "./tree.mjs";

const BUILT_IN = {
  "actions/attest": nothing,
  "actions/attest-build-provenance": nothing,
  "actions/cache": nothing,
  "actions/checkout": checkout,
  "actions/dependency-review-action": nothing,
  "actions/download-artifact": download,
  "actions/setup-node": nothing,
  "actions/setup-python": nothing,
  "actions/upload-artifact": upload,
  "astral-sh/setup-uv": nothing,
  "aws-actions/amazon-ecr-login": nothing,
  "aws-actions/configure-aws-credentials": configureCredentials,
  "docker/setup-buildx-action": nothing,
  "github/codeql-action/analyze": nothing,
  "github/codeql-action/init": nothing,
};

/** The stub for an action, or undefined. The test's own add to or replace what the built-in one does. */
export function findStub(name, job) {
  const wanted = job.stubs[name.toLowerCase()];
  const builtIn = BUILT_IN[name.toLowerCase()];
  if (!wanted) return builtIn;
  return async (inputs, step, inJob) => {
    await (wanted.replaces ? nothing : (builtIn ?? nothing))(inputs, step, inJob);
    Object.assign(step.outputs, wanted.outputs);
    Object.assign(inJob.env, wanted.env);
    if (wanted.error) {
      step.issue("error", wanted.error);
      step.failed = true;
    }
  };
}

function nothing() {}

function checkout(inputs, step, job) {
  const wanted = (inputs.repository || job.github.repository).toLowerCase();
  const source = wanted === job.github.repository.toLowerCase() ? job.repository : job.actions[wanted];
  if (!source) throw new Error(`fatal: repository '${wanted}' not found`);
  checkOut(source, join(job.workspace, inputs.path ?? ""), Number(inputs["fetch-depth"] || 1));
}

function upload(inputs, step, job) {
  for (const path of inputs.path.split("\n").filter(Boolean)) {
    const target = join(job.artifacts, inputs.name ?? "artifact", path);
    mkdirSync(dirname(target), { recursive: true });
    if (existsSync(join(job.workspace, path))) cpSync(join(job.workspace, path), target, { recursive: true });
    else step.issue("warning", `No files were found with the provided path: ${path}.`);
  }
}

function download(inputs, step, job) {
  const source = join(job.artifacts, inputs.name ?? "artifact");
  if (!existsSync(source))
    throw new Error(`Unable to download artifact(s): Artifact not found for name: ${inputs.name}`);
  cpSync(source, join(job.workspace, inputs.path ?? ""), { recursive: true });
}

/** A role needs the job's identity, keys are taken as they are; both end in the environment of later steps. */
function configureCredentials(inputs, step, job) {
  const byKeys = inputs["aws-access-key-id"];
  if (!byKeys && !job.identity.ACTIONS_ID_TOKEN_REQUEST_URL) {
    throw new Error(
      "Credentials could not be loaded, please check your action inputs: Could not load credentials from any providers",
    );
  }
  const made = {
    AWS_ACCESS_KEY_ID: "ASIAEXAMPLE",
    AWS_SECRET_ACCESS_KEY: "example-secret-key",
    AWS_SESSION_TOKEN: "example-session-token",
  };
  const given = { AWS_ACCESS_KEY_ID: byKeys, AWS_SECRET_ACCESS_KEY: inputs["aws-secret-access-key"] };
  const credentials = byKeys ? given : made;
  for (const value of Object.values(credentials)) job.masks.add(value);
  Object.assign(job.env, credentials, { AWS_REGION: inputs["aws-region"], AWS_DEFAULT_REGION: inputs["aws-region"] });
}
