// Expressions: GitHub's own lexer, parser and evaluator over plain JavaScript values.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { data, Evaluator, Lexer, Parser } from "@actions/expressions";
import { TokenType } from "@actions/expressions/lexer";
import { truthy } from "@actions/expressions/result";
import { isMapping, isSequence } from "@actions/workflow-parser";
import { convertToIfCondition } from "@actions/workflow-parser/model/converter/if-condition";

import { listFiles } from "./tree.mjs";

const CONTEXTS = [
  "env",
  "github",
  "inputs",
  "job",
  "jobs",
  "matrix",
  "needs",
  "runner",
  "secrets",
  "steps",
  "strategy",
  "vars",
];
const STATUS_FUNCTIONS = ["success", "failure", "cancelled", "always"];

/** A scope is { contexts, status: { success(), failure(), cancelled() }, workspace }. */
export function evaluate(expression, scope) {
  const functions = functionsOf(scope);
  const tokens = new Lexer(expression).lex().tokens.map(unquote);
  const tree = new Parser(tokens, CONTEXTS, [...functions.values()]).parse();
  const contexts = Object.fromEntries(CONTEXTS.map((name) => [name, scope.contexts[name] ?? null]));
  return new Evaluator(tree, toData(contexts), functions).evaluate();
}

/** The value of a token of the official parser, with every expression in it replaced by what it comes to. */
export function resolve(token, scope) {
  if (token === undefined) return undefined;
  if (isMapping(token)) {
    return Object.fromEntries(entries(token).map(([key, value]) => [key, resolve(value, scope)]));
  }
  if (isSequence(token)) return [...token].map((item) => resolve(item, scope));
  return token.isExpression ? fromData(evaluate(token.expression, scope)) : (token.value ?? null);
}

/** The same as the string that a template makes of it: null is empty, a list is the word Array. */
export function text(token, scope) {
  if (token === undefined) return "";
  return token.isExpression ? evaluate(token.expression, scope).coerceString() : token.toString();
}

/** A mapping of strings, as `env:` and `with:` are. */
export function texts(token, scope) {
  if (token === undefined) return {};
  if (token.isExpression) {
    const pairs = Object.entries(fromData(evaluate(token.expression, scope)) ?? {});
    return Object.fromEntries(pairs.map(([key, value]) => [key, toData(value).coerceString()]));
  }
  return Object.fromEntries(entries(token).map(([key, value]) => [key, text(value, scope)]));
}

/** Whether an `if:` holds; without a status function in it, `success()` is asked too. */
export function holds(token, scope, context) {
  if (token === undefined) return scope.status.success();
  const before = context.errors.getErrors().length;
  const condition = convertToIfCondition(context, token);
  if (!condition) throw new Error(context.errors.getErrors()[before]?.message ?? "invalid condition");
  return truthy(evaluate(condition.expression, scope));
}

/** Keys and value tokens of a mapping token; none of what is no mapping, such as a key without a value. */
export function entries(token) {
  return token && isMapping(token) ? [...token].map(({ key, value }) => [key.toString(), value]) : [];
}

/** The value tokens of a mapping token by key. */
export function fields(token) {
  return Object.fromEntries(entries(token));
}

/** The lexer of the package undoubles only the first of a string's quotes, the runner's all of them. */
function unquote(token) {
  return token.type === TokenType.STRING ? { ...token, value: token.lexeme.slice(1, -1).replaceAll("''", "'") } : token;
}

function functionsOf(scope) {
  const status = STATUS_FUNCTIONS.map((name) => ({
    name,
    minArgs: 0,
    maxArgs: 0,
    call: () => new data.BooleanData(name === "always" || scope.status[name]()),
  }));
  const hash = {
    name: "hashFiles",
    minArgs: 1,
    maxArgs: 255,
    call: (...patterns) =>
      new data.StringData(
        hashFiles(
          scope.workspace,
          patterns.map((each) => each.coerceString()),
        ),
      ),
  };
  return new Map([...status, hash].map((each) => [each.name.toLowerCase(), each]));
}

function hashFiles(workspace, patterns) {
  const wanted = patterns.map(toRegExp);
  const found = listFiles(workspace).filter((path) => wanted.some((pattern) => pattern.test(path)));
  if (!found.length) return "";
  const total = createHash("sha256");
  for (const path of found)
    total.update(
      createHash("sha256")
        .update(readFileSync(join(workspace, path)))
        .digest(),
    );
  return total.digest("hex");
}

function toRegExp(pattern) {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  const globbed = escaped.replace(/\*\*\/?|\*|\?/g, (each) => ({ "*": "[^/]*", "?": "[^/]" })[each] ?? ".*");
  return new RegExp(`^${globbed}$`);
}

function toData(value) {
  if (value === null || value === undefined) return new data.Null();
  if (typeof value === "string") return new data.StringData(value);
  if (typeof value === "number") return new data.NumberData(value);
  if (typeof value === "boolean") return new data.BooleanData(value);
  if (Array.isArray(value)) return new data.Array(...value.map(toData));
  return new data.Dictionary(...Object.entries(value).map(([key, each]) => ({ key, value: toData(each) })));
}

function fromData(value) {
  return JSON.parse(JSON.stringify(value, data.replacer));
}
