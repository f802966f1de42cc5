import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { familyOf } from "./environments.ts";

/**
 * What this process and all below it hold of the machine, in words: processes, network namespaces, mounts, control groups.
 * Two equal texts: nothing was left behind between them. Linux.
 */
export function traces(): string {
  const family = familyOf(process.pid).slice(1);
  const launchers = family.filter((pid) => read(`/proc/${pid}/cmdline`).split("\0").includes("launcher"));
  const namespaces = new Set(family.map((pid) => linkOf(`/proc/${pid}/ns/net`)));
  const mountinfo = read("/proc/self/mountinfo").trim().split("\n");
  const groups = mountinfo
    .filter((line) => / - cgroup2? /.test(line))
    .flatMap((line) => groupsIn(line.split(" ")[4]!, new RegExp(`^thaw-(${launchers.join("|") || "-"})-`)));
  return `${family.length} processes, ${namespaces.size} network namespaces, ${mountinfo.length} mounts, ${groups.length} control groups`;
}

function groupsIn(directory: string, ours: RegExp, inside = false): string[] {
  return list(directory).flatMap((name) => {
    const path = join(directory, name);
    const own = inside || ours.test(name);
    return [...(own ? [path] : []), ...groupsIn(path, ours, own)];
  });
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
