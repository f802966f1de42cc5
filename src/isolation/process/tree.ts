import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** A process and those it has started, directly or not; itself first. Zombies are left out: nothing of them can run. */
export function processTree(root: number): number[] {
  return process.platform === "linux" ? treeByProc(root) : treeByPs(root);
}

/** proc_pid_task_children(5) where the kernel offers it, for it needs no look at every process of the machine. */
function treeByProc(root: number): number[] {
  const found: number[] = [];
  const open = [root];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    if (!isRunning(pid)) continue;
    found.push(pid);
    for (const thread of list(`/proc/${pid}/task`)) {
      open.push(...read(`/proc/${pid}/task/${thread}/children`).split(" ").filter(Boolean).map(Number));
    }
  }
  return found;
}

function isRunning(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`);
  const state = stat.slice(stat.lastIndexOf(")") + 2)[0];
  return state !== undefined && state !== "Z" && state !== "X";
}

function treeByPs(root: number): number[] {
  const lines = execFileSync("ps", ["-axo", "pid=,ppid=,state="], { encoding: "utf8" }).trim().split("\n");
  const rows = lines.map((line) => line.trim().split(/\s+/)).filter(([, , state]) => !state?.startsWith("Z"));
  const found = rows.some(([pid]) => Number(pid) === root) ? [root] : [];
  for (const parent of found) {
    for (const [pid, ppid] of rows) if (Number(ppid) === parent) found.push(Number(pid));
  }
  return found;
}

/** Bytes resident in memory of these processes together; what they share counts for each. 0 where there is no /proc. */
export function residentBytes(pids: readonly number[]): number {
  let sum = 0;
  for (const pid of pids) sum += Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
  return sum;
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // it has just ended
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
