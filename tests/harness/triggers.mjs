// Whether an event starts a workflow: `on:` with its filters by branch, tag, path and activity.
import { isMapping, isSequence } from "@actions/workflow-parser";

import { entries, resolve } from "./expressions.mjs";

const DEFAULT_TYPES = {
  pull_request: ["opened", "synchronize", "reopened"],
  pull_request_target: ["opened", "synchronize", "reopened"],
};

export function isTriggered(on, { github, request }) {
  const filters = filtersOf(on)[github.event_name];
  if (filters === undefined) return false;
  const { event } = github;
  const types = filters.types ?? DEFAULT_TYPES[github.event_name];
  if (types && event.action && ![types].flat().includes(event.action)) return false;
  return onRef(filters, github, event) && onPaths(filters, request.changed);
}

function filtersOf(on) {
  if (isMapping(on))
    return Object.fromEntries(
      entries(on).map(([name, token]) => [name, (isMapping(token) && resolve(token, { contexts: {} })) || {}]),
    );
  const names = isSequence(on) ? [...on].map(String) : [on.toString()];
  return Object.fromEntries(names.map((name) => [name, {}]));
}

function onRef(filters, github, event) {
  const branch = event.pull_request?.base?.ref ?? github.ref_name;
  if (github.ref_type === "tag") {
    if (!filters.tags && !filters["tags-ignore"]) return !filters.branches && !filters["branches-ignore"];
    return passes(github.ref_name, filters.tags, filters["tags-ignore"]);
  }
  if (github.event_name === "push" && filters.tags && !filters.branches) return false;
  return passes(branch, filters.branches, filters["branches-ignore"]);
}

/** Without a list of changed files from the test, filters by path let everything pass. */
function onPaths(filters, changed) {
  if (!changed) return true;
  if (filters["paths-ignore"]) return changed.some((path) => !included(path, filters["paths-ignore"]));
  return !filters.paths || changed.some((path) => included(path, filters.paths));
}

function passes(name, wanted, ignored) {
  return wanted ? included(name, wanted) : !included(name, ignored ?? []);
}

/** Patterns count in order, and one with `!` takes back. */
function included(name, patterns) {
  return [patterns].flat().reduce((found, pattern) => {
    const negated = pattern.startsWith("!");
    return toRegExp(negated ? pattern.slice(1) : pattern).test(name) ? !negated : found;
  }, false);
}

function toRegExp(pattern) {
  const escaped = pattern.replace(/[.^${}()|\\]/g, "\\$&");
  return new RegExp(
    `^${escaped.replace(/\*\*\/|\*\*|\*/g, (each) => ({ "**/": "(.*/)?", "**": ".*", "*": "[^/]*" })[each])}$`,
  );
}
