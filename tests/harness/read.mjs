// What the runner would make of outputs of steps. Argument: a JSON file with a list of texts, one for each step.
// Prints for each of them the commands that were obeyed, the annotations, the outputs and the log.
import { readFileSync } from "node:fs";

import { Cancellation } from "./cancellation.mjs";
import { CommandReader } from "./commands.mjs";
import { Masks } from "./masks.mjs";
import { lineReader } from "./process.mjs";
import { StepRecord } from "./record.mjs";

const texts = JSON.parse(readFileSync(process.argv[2], "utf8"));
process.stdout.write(JSON.stringify(texts.map(read)));

function read(text) {
  const job = { masks: new Masks(), workspace: "/workspace", cancellation: new Cancellation(), debug: false };
  const step = new StepRecord({ id: "step", name: "step", job });
  const reader = new CommandReader(step);
  const { write, end } = lineReader((line) => reader.read(line));
  write(text);
  end();
  const { commands, annotations, outputs, lines } = step;
  return { commands, annotations, outputs, log: lines.join("\n") };
}
