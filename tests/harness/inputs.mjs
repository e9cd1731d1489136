// Inputs of `workflow_dispatch` and `workflow_call`, with GitHub's types and defaults.
import { isMapping } from "@actions/workflow-parser";

import { entries, fields, resolve } from "./expressions.mjs";

/** Inputs of a run by hand: GitHub refuses what is not declared, not offered or missing. */
export function dispatchInputs(on, { github, request }) {
  if (github.event_name !== "workflow_dispatch") return {};
  const declared = fields(fields(on).workflow_dispatch).inputs;
  const unknown = Object.keys(request.inputs).filter((name) => !entries(declared).some(([each]) => each === name));
  if (unknown.length) throw new Error(`Unexpected inputs provided: ${JSON.stringify(unknown)}`);
  return Object.fromEntries(
    entries(declared).map(([name, token]) => {
      const input = plain(token);
      const value = request.inputs[name] ?? input.default;
      if (input.required && (value ?? "") === "") throw new Error(`Required input '${name}' not provided`);
      if (input.options && value !== undefined && !input.options.map(String).includes(String(value))) {
        throw new Error(`Provided value '${value}' for input '${name}' not in the list of allowed values`);
      }
      return [name, typed(value, input.type ?? "string")];
    }),
  );
}

/** What a called workflow sees in its inputs context. */
export function callInputs(definition, token, scope) {
  const given = resolve(token.with, scope) ?? {};
  const unknown = Object.keys(given).filter((name) => !entries(definition.inputs).some(([each]) => each === name));
  if (unknown.length)
    throw new Error(`Invalid input, ${unknown.join(", ")} is not defined in the referenced workflow.`);
  return Object.fromEntries(
    entries(definition.inputs).map(([name, each]) => {
      const input = fields(each);
      const value = given[name] ?? resolve(input.default, scope);
      if (value === undefined && input.required?.toString() === "true") {
        throw new Error(`Input ${name} is required, but not provided while calling.`);
      }
      return [name, typed(value, input.type.toString())];
    }),
  );
}

/** What a called workflow sees in its secrets context. */
export function callSecrets(definition, token, scope, own) {
  if (token.secrets?.toString() === "inherit") return own;
  const given = resolve(token.secrets, scope) ?? {};
  for (const [name, each] of entries(definition.secrets)) {
    if (fields(each).required?.toString() === "true" && !(name in given)) {
      throw new Error(`Secret ${name} is required, but not provided while calling.`);
    }
  }
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value ?? "")]));
}

function plain(token) {
  return isMapping(token) ? resolve(token, { contexts: {} }) : {};
}

function typed(value, type) {
  if (type === "boolean") return value === true || value === "true";
  if (type === "number") return Number(value ?? 0);
  return String(value ?? "");
}
