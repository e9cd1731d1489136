// What a job's token may do, and whether its event is trusted with secrets.
import { isMapping } from "@actions/workflow-parser";

import { entries } from "./expressions.mjs";

const SCOPES = [
  "actions",
  "artifact-metadata",
  "attestations",
  "checks",
  "contents",
  "deployments",
  "discussions",
  "id-token",
  "issues",
  "models",
  "packages",
  "pages",
  "pull-requests",
  "security-events",
  "statuses",
];
const DEFAULT = { contents: "read", packages: "read" };
const RANK = { none: 0, read: 1, write: 2 };

/** Why an event is not trusted, or nothing: `fork` for a fork's pull request, `dependabot` for the bot's doings. */
export function distrust({ event_name: name, actor, repository, event }) {
  const pull = event.pull_request;
  if (/^pull_request(_review|_review_comment)?$/.test(name) && pull?.head?.repo?.full_name !== repository)
    return "fork";
  if (actor === "dependabot[bot]" && /^(push|create|deployment|pull_request)/.test(name)) return "dependabot";
  return "";
}

/** Permissions by scope, without those that are none. `limit` is what the caller or the event allows, if it limits. */
export function resolvePermissions(jobToken, workflowToken, { limit, untrusted }) {
  const wanted = read(jobToken) ?? read(workflowToken) ?? limit ?? DEFAULT;
  const allowed = (scope) => {
    if (untrusted) return scope === "id-token" ? "none" : "read";
    return limit ? (limit[scope] ?? "none") : "write";
  };
  const least = Object.entries(wanted).map(([scope, level]) => {
    const most = allowed(scope);
    return [scope, RANK[level] <= RANK[most] ? level : most];
  });
  return Object.fromEntries(least.filter(([, level]) => level !== "none"));
}

function read(token) {
  if (token === undefined) return undefined;
  if (isMapping(token)) return Object.fromEntries(entries(token).map(([scope, level]) => [scope, level.toString()]));
  const level = token.toString().replace(/-all$/, "");
  const readable = level === "read" ? SCOPES.filter((scope) => scope !== "id-token") : SCOPES;
  return Object.fromEntries(readable.map((scope) => [scope, level]));
}
