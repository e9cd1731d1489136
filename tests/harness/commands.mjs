// Workflow commands: how a line of a step's output is read, and what it does.

const NAMES = [
  "add-mask",
  "add-matcher",
  "add-path",
  "debug",
  "echo",
  "endgroup",
  "error",
  "group",
  "notice",
  "remove-matcher",
  "save-state",
  "set-env",
  "set-output",
  "stop-commands",
  "warning",
];
const QUIET = new Set(["add-mask", "debug", "echo", "error", "warning", "notice", "group", "endgroup"]);
const NOT_TOKENS = ["pause-logging", ...NAMES];

/** The command in a line, { name, properties, data }, or undefined. `registered` holds lower-case names. */
export function parse(line, registered) {
  return parseColons(line, registered) ?? parseHashes(line, registered);
}

function parseColons(line, registered) {
  const message = line.trimStart();
  if (!message.startsWith("::")) return undefined;
  const end = message.indexOf("::", 2);
  if (end < 0) return undefined;
  const unescape = (value) => unescapeAll(value, { "%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": "," });
  const head = parseHead(message.slice(2, end), registered, ",", unescape);
  return head && { ...head, data: unescapeAll(message.slice(end + 2), { "%0D": "\r", "%0A": "\n" }) };
}

function parseHashes(line, registered) {
  const start = line.indexOf("##[");
  const end = line.indexOf("]", start);
  if (start < 0 || end < 0) return undefined;
  const unescape = (value) => unescapeAll(value, { "%3B": ";", "%0D": "\r", "%0A": "\n", "%5D": "]" });
  const head = parseHead(line.slice(start + 3, end), registered, ";", unescape);
  return head && { ...head, data: unescape(line.slice(end + 1)) };
}

function parseHead(head, registered, separator, unescape) {
  const space = head.indexOf(" ");
  const name = (space < 0 ? head : head.slice(0, space)).toLowerCase();
  if (!registered.has(name)) return undefined;
  const properties = {};
  for (const property of space > 0
    ? head
        .slice(space + 1)
        .trim()
        .split(separator)
    : []) {
    const equals = property.indexOf("=");
    if (equals > 0 && equals < property.length - 1) {
      properties[property.slice(0, equals)] = unescape(property.slice(equals + 1));
    }
  }
  return { name, properties, data: "" };
}

function unescapeAll(value, table) {
  let plain = value;
  for (const [escaped, character] of Object.entries(table)) plain = plain.replaceAll(escaped, character);
  return plain.replaceAll("%25", "%");
}

/** Reads one step's output. A step is what commands act upon: see record.mjs. */
export class CommandReader {
  #registered = new Set(NAMES);
  #stopped = "";
  #echo = false;

  constructor(step) {
    this.step = step;
  }

  read(line) {
    this.step.job.cancellation.saw(line, this.step.id);
    const command = parse(line, this.#registered);
    if (!command || !this.#process(command, line)) this.step.log(line);
  }

  #process(command, line) {
    if (this.#stopped) return this.#resume(command, line);
    if (command.name === "stop-commands") return this.#stop(command, line);
    this.step.commands.push(command);
    if (this.#echo && !QUIET.has(command.name)) this.step.log(line);
    try {
      this.#act(command);
    } catch (error) {
      this.step.issue(
        "error",
        `Unable to process command '${command.name === "add-mask" ? command.name : line}' successfully.`,
      );
      this.step.issue("error", error.message);
      this.step.failed = true;
    }
    return true;
  }

  #resume(command, line) {
    if (command.name !== this.#stopped) return false;
    this.#registered.delete(this.#stopped);
    this.#stopped = "";
    this.step.log(line);
    return true;
  }

  #stop(command, line) {
    const token = command.data.toLowerCase();
    if (!token || NOT_TOKENS.includes(token)) {
      this.step.issue(
        "error",
        "Invalid stop-commands token: it must not be empty, 'pause-logging' or a workflow command.",
      );
      this.step.failed = true;
      return true;
    }
    this.#stopped = token;
    this.#registered.add(token);
    if (token.length > 6) this.step.masks.add(command.data);
    this.step.commands.push(command);
    this.step.log(line);
    return true;
  }

  #act({ name, properties, data }) {
    const { step } = this;
    const actions = {
      "add-mask": () =>
        data.trim()
          ? step.masks.add(data)
          : step.issue("warning", "Can't add secret mask for empty string in ##[add-mask] command."),
      "add-matcher": () => undefined,
      "add-path": () => refuse(name),
      debug: () => step.debug(data),
      echo: () => (this.#echo = switchOf(data)),
      endgroup: () => step.log("##[endgroup]"),
      error: () => step.issue("error", data, properties),
      group: () => step.log(`##[group]${data}`),
      notice: () => step.issue("notice", data, properties),
      "remove-matcher": () => undefined,
      "save-state": () => (step.state[required(properties, name)] = data),
      "set-env": () => refuse(name),
      "set-output": () => {
        step.issue(
          "warning",
          "The `set-output` command is deprecated and will be disabled soon. Please upgrade to Environment Files.",
        );
        step.outputs[required(properties, name)] = data;
      },
      warning: () => step.issue("warning", data, properties),
    };
    actions[name]();
  }
}

function switchOf(data) {
  const value = data.trim().toUpperCase();
  if (value !== "ON" && value !== "OFF")
    throw new Error(`Invalid echo command value. Possible values can be: 'on', 'off'. Current value is: '${data}'.`);
  return value === "ON";
}

function required(properties, command) {
  if (!properties.name) throw new Error(`Required field 'name' is missing in ##[${command}] command.`);
  return properties.name;
}

function refuse(name) {
  throw new Error(
    `The \`${name}\` command is disabled. Please upgrade to using Environment Files or opt into unsecure command ` +
      "execution by setting the `ACTIONS_ALLOW_UNSECURE_COMMANDS` environment variable to `true`.",
  );
}
