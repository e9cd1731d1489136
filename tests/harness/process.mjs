// Processes as the runner starts, reads and ends them.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const TO_SIGTERM = 7500;
const TO_KILL = 2500;
const TO_CLOSE = 5000;

/**
 * Run a program to its end. Both its outputs are read by lines that LF, CR or CRLF end; its input is closed.
 * `subscribe(stop)` is called with a function that cancels it. Returns { exitCode, cancelled, signals }.
 */
export function execute({ file, args, cwd, env, onLine, subscribe }) {
  return new Promise((done, fail) => {
    const child = spawn(file, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"] });
    const ended = { exitCode: 0, cancelled: false, signals: [] };
    const timers = [];
    const signal = (name) => {
      ended.signals.push(name);
      child.kill(name);
    };
    const unsubscribe = subscribe(() => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      ended.cancelled = true;
      signal("SIGINT");
      timers.push(setTimeout(() => signal("SIGTERM"), TO_SIGTERM));
      timers.push(
        setTimeout(() => {
          ended.signals.push("SIGKILL");
          killTree(child.pid);
        }, TO_SIGTERM + TO_KILL),
      );
    });
    for (const stream of [child.stdout, child.stderr]) readLines(stream, onLine);
    child.stdin.on("error", () => undefined); // it may be gone before we close the pipe
    child.stdin.end();
    child.on("error", fail);
    child.on("exit", (code, name) => {
      timers.forEach(clearTimeout);
      unsubscribe();
      ended.exitCode = code ?? 128 + SIGNALS[name];
      // Children may hold the pipes for longer than the runner waits.
      timers.push(setTimeout(() => [child.stdout, child.stderr].forEach((each) => each.destroy()), TO_CLOSE));
    });
    child.on("close", () => {
      timers.forEach(clearTimeout);
      done(ended);
    });
  });
}

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGPIPE: 13, SIGTERM: 15 };

function readLines(stream, onLine) {
  const { write, end } = lineReader(onLine);
  stream.setEncoding("utf8");
  stream.on("data", write);
  stream.on("close", end);
}

/** Cuts what comes in pieces into lines, which LF, CR or CRLF end. */
export function lineReader(onLine) {
  let rest = "";
  let afterReturn = false;
  const write = (chunk) => {
    const text = rest + (afterReturn && chunk.startsWith("\n") ? chunk.slice(1) : chunk);
    afterReturn = chunk.endsWith("\r");
    const lines = text.split(/\r\n|\r|\n/);
    rest = lines.pop();
    lines.forEach(onLine);
  };
  return { write, end: () => rest && onLine(rest) };
}

function killTree(pid) {
  const parents = new Map(processes().map((each) => [each, parentOf(each)]));
  const doomed = [pid];
  for (const each of doomed)
    doomed.push(...[...parents].filter(([, parent]) => parent === each).map(([child]) => child));
  doomed.forEach(kill);
}

/** End every process with the job's tracking id, as the runner does after the last step; gives their command lines. */
export function killOrphans(tracking) {
  const orphans = processes().filter(
    (pid) => pid !== process.pid && read(pid, "environ").includes(`RUNNER_TRACKING_ID=${tracking}\0`),
  );
  const told = orphans.map((pid) => read(pid, "cmdline").replaceAll("\0", " ").trim());
  orphans.forEach(kill);
  return told;
}

function processes() {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function parentOf(pid) {
  return Number(
    read(pid, "stat")
      .replace(/^.*\) /s, "")
      .split(" ")[1],
  );
}

function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return ""; // it has just ended, or it is another user's
  }
}

function kill(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it has just ended
  }
}
