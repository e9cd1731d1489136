// Workflow and action files, read by GitHub's own parser.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } from "@actions/workflow-parser";
import { parseAction } from "@actions/workflow-parser/actions/action-parser";

export class TemplateError extends Error {
  constructor(messages) {
    super(messages.join("\n"));
    this.messages = messages;
  }
}

/** { context, root } of a workflow, or a TemplateError with every message of the parser. */
export async function loadWorkflow(path, name = path) {
  const parsed = parseWorkflow({ name, content: readFileSync(path, "utf8") }, new NoOperationTraceWriter());
  check(parsed);
  const template = await convertWorkflowTemplate(parsed.context, parsed.value);
  const found = (template.errors ?? []).map((each) => each.Message);
  if (found.length) throw new TemplateError(found);
  check(parsed);
  return { context: parsed.context, root: parsed.value };
}

/** The same of the action in a folder. */
export function loadAction(folder) {
  const path = ["action.yml", "action.yaml"].map((name) => join(folder, name)).find(existsSync);
  if (!path) {
    throw new Error(
      `Can't find 'action.yml', 'action.yaml' or 'Dockerfile' under '${folder}'. ` +
        "Did you forget to run actions/checkout before running your local action?",
    );
  }
  const parsed = parseAction({ name: path, content: readFileSync(path, "utf8") }, new NoOperationTraceWriter());
  check(parsed);
  return { context: parsed.context, root: parsed.value };
}

function check({ context }) {
  const messages = context.errors.getErrors().map((each) => each.message);
  if (messages.length) throw new TemplateError(messages);
}
