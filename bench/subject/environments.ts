import { setTimeout as pause } from "node:timers/promises";
import { childrenOf, familyOf, launchersAmong, readText } from "./proc.ts";

/** One sandbox as the machine sees it. */
export interface SandboxProcesses {
  /** the agent, its first process: without it nothing of the sandbox lives on */
  readonly agent: number;
  /** the agent and everything below it */
  readonly members: readonly number[];
}

/** A running platform: where it listens, and the process of `thaw up`. */
export interface Running {
  readonly endpoint: URL;
  readonly pid: number;
}

/**
 * Sandboxes of one function, found from outside by the code that is mounted at /var/task: it lies in a directory with the
 * digest of its archive as its name. Not those in which an image is being made. Linux, and root; empty elsewhere.
 * Sources: proc_pid_task_children(5), proc_pid_mountinfo(5).
 */
export async function sandboxesOf({ endpoint, pid }: Running, functionName: string): Promise<SandboxProcesses[]> {
  const code = await digestsOf(endpoint, functionName);
  return launchersAmong(childrenOf(pid))
    .flatMap(childrenOf)
    .filter((agent) => code.has(mountedAt(agent, "/var/task")))
    .map((agent) => ({ agent, members: familyOf(agent) }))
    .filter(({ members }) => members.length > 1 && !members.some(isTemplate));
}

/** Digests (SHA-256, hexadecimal) of the archives of a function and all its versions. */
async function digestsOf(endpoint: URL, functionName: string): Promise<Set<string>> {
  const response = await fetch(new URL(`/2015-03-31/functions/${functionName}/versions`, endpoint));
  const { Versions } = (await response.json()) as { Versions?: { CodeSha256: string }[] };
  return new Set((Versions ?? []).map(({ CodeSha256 }) => Buffer.from(CodeSha256, "base64").toString("hex")));
}

/** Last part of the directory that is mounted there in a process's eyes; empty when nothing is. */
function mountedAt(pid: number, target: string): string {
  const mount = read(pid, "mountinfo")
    .split("\n")
    .map((line) => line.split(" "))
    .find((fields) => fields[4] === target);
  return mount?.[3]?.split("/").at(-1) ?? "";
}

/**
 * Kills every sandbox of a function from outside, as a crash of the machine's would, and waits until the platform has
 * noticed. Its code and configuration stay what they are, and with them its image: the next call is cold and nothing else.
 */
export async function endEnvironments(running: Running, functionName: string): Promise<void> {
  const deadline = Date.now() + 10000;
  for (;;) {
    const response = await fetch(new URL("/_thaw/environments", running.endpoint));
    const { environments } = (await response.json()) as { environments: { function: string }[] };
    if (!environments.some((row) => row.function === functionName)) return;
    if (Date.now() > deadline) throw new Error(`environments of ${functionName} would not end`);
    for (const { agent } of await sandboxesOf(running, functionName)) kill(agent);
    await pause(2);
  }
}

/**
 * Proportional set size of processes, bytes: what each has for itself, and its part of what it shares.
 * Source: proc_pid_smaps_rollup(5); root sees every process's. What ends meanwhile counts nothing.
 */
export function proportionalBytes(pids: readonly number[]): number {
  const kilobytes = pids.map((pid) => Number(/^Pss:\s+(\d+) kB/m.exec(read(pid, "smaps_rollup"))?.[1] ?? 0));
  return kilobytes.reduce((sum, one) => sum + one, 0) * 1024;
}

/**
 * A copy has its template's variables too, and the loader's window of addresses (agent/src/image/format.rs); one made by
 * CRIU is in a process namespace within its sandbox's (NSpid of proc_pid_status(5): ours, the sandbox's, its own).
 */
function isTemplate(pid: number): boolean {
  if (!read(pid, "environ").split("\0").includes("_THAW_TEMPLATE=1")) return false;
  if (/^NSpid:(\t\d+){3}/m.test(read(pid, "status"))) return false;
  return !read(pid, "maps").includes("\n4f0000000000-") && !read(pid, "maps").startsWith("4f0000000000-");
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it has ended meanwhile
  }
}

function read(pid: number, file: string): string {
  return readText(`/proc/${pid}/${file}`);
}
