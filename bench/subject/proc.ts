import { type Dirent, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** What /proc and the control groups say of processes, for measurements and tests. Linux; what ends meanwhile reads as empty. */
export interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  readonly zombie: boolean;
}

/** Every process of the machine that can be seen. Source: proc_pid_stat(5). */
export function processes(): ProcessRow[] {
  return entriesOf("/proc").flatMap(({ name }) => (/^\d+$/.test(name) ? rowOf(Number(name)) : []));
}

/** A process's children, their children and so on, of one look at all processes: while they fork, few are missed. */
export function descendants(pid: number): ProcessRow[] {
  const children = Map.groupBy(processes(), ({ parent }) => parent);
  const below = (of: number): ProcessRow[] => (children.get(of) ?? []).flatMap((row) => [row, ...below(row.pid)]);
  return below(pid);
}

/** A process, its children, theirs and so on: quicker, for processes that do not fork meanwhile. */
export function familyOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(familyOf)];
}

/** Those that any of its threads has made. Source: proc_tid_children(5). */
export function childrenOf(pid: number): number[] {
  const threads = entriesOf(`/proc/${pid}/task`).map(({ name }) => readText(`/proc/${pid}/task/${name}/children`));
  return threads.flatMap((line) => line.trim().split(" ").filter(Boolean).map(Number));
}

/** Native launchers among some processes. */
export function launchersAmong(pids: readonly number[]): number[] {
  return pids.filter((pid) => readText(`/proc/${pid}/cmdline`).split("\0")[1] === "launcher");
}

/** Directories of control groups that a launcher has made, in every hierarchy that is mounted. */
export function cgroupsOf(launcher: number): string[] {
  const tops = readText("/proc/self/mountinfo")
    .split("\n")
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(" ")[4]!);
  return tops.flatMap((top) => groupsIn(top, `thaw-${launcher}-`));
}

/** `prefix` is empty within a group that is one. */
function groupsIn(directory: string, prefix: string): string[] {
  const below = entriesOf(directory).filter((entry) => entry.isDirectory());
  return below.flatMap(({ name }) => {
    const path = join(directory, name);
    return name.startsWith(prefix) ? [path, ...groupsIn(path, "")] : groupsIn(path, prefix);
  });
}

/** How many network namespaces they are in. */
export function networksOf(pids: readonly number[]): number {
  return new Set(pids.map((pid) => linkOf(`/proc/${pid}/ns/net`))).size;
}

function rowOf(pid: number): ProcessRow[] {
  const stat = readText(`/proc/${pid}/stat`);
  const end = stat.lastIndexOf(")");
  if (end < 0) return [];
  const [state, parent] = stat.slice(end + 2).split(" ");
  const name = stat.slice(stat.indexOf("(") + 1, end);
  return [{ pid, parent: Number(parent), name, zombie: state === "Z" }];
}

/** What a directory holds; nothing where there is none. */
export function entriesOf(directory: string): Dirent[] {
  return orElse([], () => readdirSync(directory, { withFileTypes: true }));
}

/** Where a link leads; empty where there is none. */
export function linkOf(path: string): string {
  return orElse("", () => readlinkSync(path));
}

/** A file's text; empty where there is none. */
export function readText(path: string): string {
  return orElse("", () => readFileSync(path, "utf8"));
}

function orElse<T>(nothing: T, look: () => T): T {
  try {
    return look();
  } catch {
    return nothing;
  }
}
