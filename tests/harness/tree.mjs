// Directories: what lies in them, and copies of repositories.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";

/** Paths of all files below a folder, relative to it, sorted. */
export function listFiles(folder, prefix = "") {
  const found = [];
  for (const each of readdirSync(join(folder, prefix), { withFileTypes: true })) {
    const path = join(prefix, each.name);
    if (each.isDirectory()) found.push(...listFiles(folder, path));
    else found.push(path);
  }
  return found.sort();
}

/** What actions/checkout leaves: of a git repository its commits, `depth` of them (0: all), else the files. */
export function checkOut(repository, folder, depth) {
  mkdirSync(folder, { recursive: true });
  for (const each of readdirSync(folder)) rmSync(join(folder, each), { recursive: true });
  if (existsSync(join(repository, ".git"))) {
    const how = depth ? [`--depth=${depth}`] : [];
    execFileSync("git", ["clone", "--quiet", ...how, pathToFileURL(repository).href, folder], {
      stdio: ["ignore", "pipe", "pipe"],
    });
  } else {
    cpSync(repository, folder, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => basename(path) !== "node_modules",
    });
  }
}
