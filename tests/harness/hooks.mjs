// Node wants an attribute on imports of JSON that the official packages don't write: such a file becomes a module.
import { register } from "node:module";

const loader = `
import { readFile } from "node:fs/promises";
export async function load(url, context, next) {
  if (!url.endsWith(".json")) return next(url, context);
  const text = await readFile(new URL(url), "utf8");
  return { format: "module", shortCircuit: true, source: "export default " + text };
}`;

register("data:text/javascript," + encodeURIComponent(loader));
