// What GitHub's parser and its language service say of YAML files. Arguments: the action's root, then name=path pairs.
// The name decides what a file is taken for: action.yml, or .github/workflows/x.yml. Prints a JSON list of findings.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { data, DescriptionDictionary } from "@actions/expressions";
import { validate } from "@actions/languageservice";
import { parse } from "yaml";
import { TextDocument } from "vscode-languageserver-textdocument";

import { loadAction, loadWorkflow } from "./documents.mjs";
import { FOREIGN } from "./foreign.mjs";

const [root, ...files] = process.argv.slice(2);
const OURS = ["shapemaker-action/shapemaker", "self/action"];
const own = parse(readFileSync(join(root, "action.yml"), "utf8"));

const findings = [];
for (const each of files) {
  const at = each.indexOf("=");
  const [name, path] = [each.slice(0, at), each.slice(at + 1)];
  findings.push(...(await parserFindings(name, path)), ...(await serviceFindings(name, path)));
}
process.stdout.write(JSON.stringify(findings));

async function parserFindings(name, path) {
  try {
    if (isAction(name)) loadAction(path.replace(/[^/]*$/, ""));
    else await loadWorkflow(path, name);
    return [];
  } catch (error) {
    return (error.messages ?? [error.message]).map((message) => ({ path, line: 0, message, by: "parser" }));
  }
}

async function serviceFindings(name, path) {
  const document = TextDocument.create(
    pathToFileURL(join(path, name)).href,
    "yaml",
    0,
    nameOurselves(readFileSync(path, "utf8")),
  );
  const found = await validate(document, {
    actionsMetadataProvider: { fetchActionMetadata: async (action) => metadata(action) },
    contextProviderConfig: { getContext: async (context, known) => settings(context, known) },
    fileProvider: { getFileContent: async (reference) => calledWorkflow(reference) },
  });
  return found.map(({ message, range }) => ({ path, line: range.start.line + 1, message, by: "languageservice" }));
}

function isAction(name) {
  return /(^|\/)action\.ya?ml$/.test(name) && !name.includes(".github/workflows/");
}

/** The service looks at the inputs of `owner/name@ref` only, so a local use of this action gets such a name. */
function nameOurselves(text) {
  return text.replace(/^(\s*(?:- )?uses: )\.\/(?:\.shapemaker\/action)?(?=\s|$)/gm, "$1self/action@main");
}

function metadata({ owner, name, path }) {
  const full = [owner, name, path].filter(Boolean).join("/");
  if (OURS.includes(full)) return own;
  return FOREIGN[full] && { name: full, description: full, inputs: FOREIGN[full] };
}

/** Nobody here knows a repository's variables and secrets: any name may be one. */
function settings(context, known) {
  if (context !== "vars" && context !== "secrets") return known;
  const open = known ?? new DescriptionDictionary();
  open.complete = false;
  if (!open.get("GITHUB_TOKEN") && context === "secrets") open.add("GITHUB_TOKEN", new data.StringData(""));
  return open;
}

function calledWorkflow({ owner, repository, path }) {
  if (owner && !OURS.includes(`${owner}/${repository}`)) throw new Error(`unknown workflow of ${owner}/${repository}`);
  return { name: path, content: readFileSync(join(root, path), "utf8") };
}
