import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Server } from "../e2e/server.ts";

/** Everything of a platform that a sandbox could leave behind. Linux only: read from /proc and the cgroup file systems. */
export interface Traces {
  /** the platform's descendants, by name */
  readonly processes: readonly string[];
  /** mount points seen by the platform and by its launcher */
  readonly mounts: number;
  /** control groups of its sandboxes, in every hierarchy */
  readonly cgroups: number;
  /** network namespaces in use by its descendants */
  readonly networks: number;
  /** open files, sockets excluded, of the platform; all of the launcher's */
  readonly descriptors: number;
  /** in the data directory; what the store of code, the logs and the database hold is theirs to keep */
  readonly files: readonly string[];
}

interface Row {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  readonly zombie: boolean;
}

/** Every process of the machine that can be seen. */
export function processes(): Row[] {
  const rows: Row[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    const end = stat.lastIndexOf(")");
    if (end < 0) continue;
    const [state, parent] = stat.slice(end + 2).split(" ");
    rows.push({
      pid: Number(name),
      parent: Number(parent),
      name: stat.slice(stat.indexOf("(") + 1, end),
      zombie: state === "Z",
    });
  }
  return rows;
}

/** A process's children, their children and so on. */
export function descendants(pid: number): Row[] {
  const all = processes();
  const found: Row[] = [];
  const open = [pid];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const row of all) {
      if (row.parent !== next) continue;
      found.push(row);
      open.push(row.pid);
    }
  }
  return found;
}

/** The native launcher of a platform with containers; undefined while there is none. */
export function launcherOf(server: Server): number | undefined {
  const children = processes().filter(({ parent }) => parent === server.process.pid);
  return children.find(({ pid }) => read(`/proc/${pid}/cmdline`).includes("\0launcher\0"))?.pid;
}

/** Directories of control groups made by a launcher, in every hierarchy that is mounted. */
export function cgroupsOf(launcher: number): string[] {
  const prefix = `thaw-${launcher}-`;
  const tops = read("/proc/self/mountinfo")
    .split("\n")
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(" ")[4]!);
  const found: string[] = [];
  const look = (dir: string, inside: boolean) => {
    for (const name of list(dir)) {
      const path = join(dir, name);
      if (!isDirectory(path)) continue;
      const ours = inside || name.startsWith(prefix);
      if (ours) found.push(path);
      look(path, ours);
    }
  };
  for (const top of tops) look(top, false);
  return found;
}

/** Lines of /proc/self/mountinfo that name a path. */
export function mountsAt(path: string): string[] {
  return read("/proc/self/mountinfo")
    .split("\n")
    .filter((line) => line.includes(path));
}

export function tracesOf(server: Server): Traces {
  const platform = server.process.pid!;
  const launcher = launcherOf(server);
  const below = descendants(platform);
  const mounts = (pid: number) => read(`/proc/${pid}/mountinfo`).split("\n").length;
  return {
    processes: below.map(({ name, zombie }) => (zombie ? `${name} (zombie)` : name)).sort(),
    mounts: mounts(platform) + (launcher ? mounts(launcher) : 0),
    cgroups: launcher ? cgroupsOf(launcher).length : 0,
    networks: new Set(below.map(({ pid }) => linkOf(`/proc/${pid}/ns/net`))).size,
    descriptors:
      descriptorsOf(platform).filter((to) => !/^socket:|\/logs\//.test(to)).length +
      // but for disks for /tmp (mounts nobody can see, which read as "/"), of which its stock holds now more, now fewer
      (launcher ? descriptorsOf(launcher).filter((to) => to !== "/").length : 0),
    files: filesIn(server.dataDir),
  };
}

/** Polls until `look` is satisfied. Throws with what it saw last after `ms`. */
export async function until<T>(look: () => T | Promise<T>, good: (seen: T) => boolean, ms = 5000): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    const seen = await look();
    if (good(seen)) return seen;
    if (performance.now() > deadline) throw new Error(`still so after ${ms} ms: ${JSON.stringify(seen, null, 1)}`);
    await delay(20);
  }
}

const keptByStores = /^(blobs|layers|logs|unpacked)\/|^registry\.sqlite/;

/** Walked by hand: what disappears while it is looked at is no error. */
function filesIn(dir: string): string[] {
  const found: string[] = [];
  const look = (below: string) => {
    for (const name of list(join(dir, below))) {
      const path = join(below, name);
      if (!keptByStores.test(path)) found.push(path);
      if (isDirectory(join(dir, path))) look(path);
    }
  };
  look("");
  return found.sort();
}

function descriptorsOf(pid: number): string[] {
  return list(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir);
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
