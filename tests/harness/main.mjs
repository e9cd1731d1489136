// One request in, the path of a JSON file; one report out, JSON on stdout. See tests/support/github_runner.py.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { Cancellation } from "./cancellation.mjs";
import { distrust } from "./permissions.mjs";
import { runWorkflow } from "./workflow.mjs";

const request = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { github } = request;
const untrusted = distrust(github);
const run = {
  request,
  github,
  untrusted,
  secrets: untrusted ? {} : request.secrets,
  cancellation: new Cancellation(request.cancel),
  artifacts: join(request.work, "artifacts"),
};
mkdirSync(run.artifacts, { recursive: true });

let report;
try {
  report = { errors: [], untrusted, ...(await runWorkflow(run)) };
} catch (error) {
  const errors = error.messages ?? [error.message];
  report = { triggered: true, untrusted, conclusion: "failure", concurrency: null, outputs: {}, jobs: [], errors };
}
process.stdout.write(JSON.stringify(report), () => process.exit(0)); // orphans' pipes would keep us
