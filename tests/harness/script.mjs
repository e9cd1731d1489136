// `run:` steps: shell, script file, working directory, environment.
import { randomUUID } from "node:crypto";
import { accessSync, constants, existsSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join, resolve as resolvePath } from "node:path";

import { CommandReader } from "./commands.mjs";
import { text } from "./expressions.mjs";
import { createFiles, processFiles } from "./files.mjs";
import { execute } from "./process.mjs";

const SHELLS = {
  bash: ["--noprofile --norc -e -o pipefail {0}", ".sh"],
  sh: ["-e {0}", ".sh"],
  python: ["{0}", ".py"],
  pwsh: ["-command \". '{0}'\"", ".ps1"],
};
const GITHUB_VARIABLES = new Set([
  "action",
  "action_path",
  "action_ref",
  "action_repository",
  "actor",
  "actor_id",
  "api_url",
  "base_ref",
  "env",
  "event_name",
  "event_path",
  "graphql_url",
  "head_ref",
  "job",
  "output",
  "path",
  "ref",
  "ref_name",
  "ref_protected",
  "ref_type",
  "repository",
  "repository_id",
  "repository_owner",
  "repository_owner_id",
  "retention_days",
  "run_attempt",
  "run_id",
  "run_number",
  "server_url",
  "sha",
  "state",
  "step_summary",
  "triggering_actor",
  "workflow",
  "workflow_ref",
  "workflow_sha",
  "workspace",
]);

/** Run the script of a step; the record says how it went. */
export async function runScript(step, record, frame, scope) {
  const { job } = frame;
  const files = createFiles(job.temp);
  const script = text(step.run, scope);
  const shell = step.shell ? text(step.shell, scope) : frame.defaults.shell;
  const folder = step["working-directory"]
    ? text(step["working-directory"], scope)
    : frame.defaults["working-directory"];
  const environment = environmentOf(record, frame, files);
  const { program, args, shown } = command(shell, script, job.temp, environment.PATH);
  logHeader(record, script, shown);
  const reader = new CommandReader(record);
  try {
    const ended = await execute({
      file: program,
      args,
      cwd: existing(resolvePath(job.workspace, folder ?? "")),
      env: environment,
      onLine: (line) => reader.read(line),
      subscribe: (stop) => subscribe(stop, frame, record),
    });
    conclude(record, ended);
  } finally {
    processFiles(files, record, job);
  }
  if (record.failed && record.outcome === "success") record.outcome = "failure";
}

function conclude(record, { exitCode, cancelled, signals }) {
  record.exitCode = exitCode;
  record.signals.push(...signals);
  if (cancelled) {
    record.log(record.timedOut ? "" : "##[error]The operation was canceled.");
    record.outcome = record.timedOut ? "failure" : "cancelled";
  } else if (exitCode) {
    record.issue("error", `Process completed with exit code ${exitCode}.`);
    record.outcome = "failure";
  }
}

/** Being cancelled and running out of time look the same to the process. */
function subscribe(stop, frame, record) {
  const unsubscribe = frame.job.cancellation.subscribe(stop);
  const left = frame.deadline === undefined ? undefined : frame.deadline - Date.now();
  const timer =
    left === undefined
      ? undefined
      : setTimeout(() => {
          record.timedOut = true;
          stop();
        }, left);
  return () => {
    clearTimeout(timer);
    unsubscribe();
  };
}

function existing(folder) {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new Error(
      `An error occurred trying to start process with working directory '${folder}'. No such file or directory`,
    );
  }
  return folder;
}

/** Later ones win: the runner's machine, the job, the composite action's `env:`, the step's, then what is GitHub's. */
function environmentOf(record, frame, files) {
  const { job } = frame;
  const github = { ...job.github, ...frame.github, ...files };
  const ours = Object.entries(github).filter(([name]) => GITHUB_VARIABLES.has(name));
  const variables = { CI: "true", ...job.machine, ...job.env, ...record.env };
  return {
    ...variables,
    ...Object.fromEntries(ours.map(([name, value]) => [`GITHUB_${name.toUpperCase()}`, String(value ?? "")])),
    ...Object.fromEntries(Object.entries(job.runner).map(([name, value]) => [`RUNNER_${name.toUpperCase()}`, value])),
    ...job.identity,
    GITHUB_ACTIONS: "true",
    RUNNER_TRACKING_ID: job.tracking,
    PATH: [...[...job.path].reverse(), variables.PATH].join(delimiter),
  };
}

function command(shell, script, temp, path) {
  const [name, ...own] = shell ? shell.split(" ").filter(Boolean) : ["bash"];
  const [known, extension] = SHELLS[name] ?? ["", ""];
  // Without `shell:` a workflow's step gets bash too, but with fewer options.
  const format = shell ? own.join(" ") || known : "-e {0}";
  if (!format.includes("{0}")) {
    throw new Error(
      "Invalid shell option. Shell must be a valid built-in (bash, sh, cmd, powershell, pwsh) or a format string " +
        "containing '{0}'",
    );
  }
  const program = which(name, path);
  const file = join(temp, `${randomUUID()}${extension}`);
  writeFileSync(file, script);
  const args = format
    .split(" ")
    .filter(Boolean)
    .map((each) => each.replaceAll("{0}", file));
  return { program, args, shown: `${program} ${format}` };
}

function which(name, path) {
  for (const folder of name.includes("/") ? [""] : path.split(delimiter)) {
    const program = join(folder, name);
    try {
      accessSync(program, constants.X_OK);
      return program;
    } catch {
      continue; // not here
    }
  }
  throw new Error(`${name}: command not found`);
}

function logHeader(record, script, shown) {
  const [first] = script.trimStart().split(/[\r\n]/);
  record.log(`##[group]Run ${first}`);
  for (const line of script.replace(/\n+$/, "").split("\n")) record.log(`\x1b[36;1m${line}\x1b[0m`);
  record.log(`shell: ${shown}`);
  logMapping(record, "env", { ...record.job.env, ...record.env });
  record.log("##[endgroup]");
}

/** How the runner shows `with:` and `env:` of a step: all of it, masked. */
export function logMapping(record, title, values) {
  const lines = Object.entries(values);
  if (lines.length) record.log(`${title}:`);
  for (const [name, value] of lines) record.log(`  ${name}: ${value}`);
}
