import { readFileSync, readlinkSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

/** One sandbox as the machine sees it. */
export interface SandboxProcesses {
  /** the agent, its first process: without it nothing of the sandbox lives on */
  readonly agent: number;
  /** the agent and everything below it */
  readonly members: readonly number[];
}

/**
 * Sandboxes of one function, found from outside by the variable that Lambda gives every runtime. Linux, and root; empty
 * elsewhere. Not those in which an image is being made. `platform` is the process of `thaw up`. Source: proc_pid_task_children(5), proc_pid_environ(5).
 */
export function sandboxesOf(platform: number, functionName: string): SandboxProcesses[] {
  const variable = `AWS_LAMBDA_FUNCTION_NAME=${functionName}`;
  const launchers = childrenOf(platform).filter((pid) => read(pid, "cmdline").split("\0").includes("launcher"));
  const found: SandboxProcesses[] = [];
  for (const agent of launchers.flatMap(childrenOf)) {
    const members = familyOf(agent);
    const runtime = members.slice(1).find((pid) => variablesOf(pid).includes(variable));
    if (runtime !== undefined && !isTemplate(runtime)) found.push({ agent, members });
  }
  return found;
}

/** A process, its children, theirs and so on. */
export function familyOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(familyOf)];
}

/**
 * Kills every sandbox of a function from outside, as a crash of the machine's would, and waits until the platform has
 * noticed. Its code and configuration stay what they are, and with them its image: the next call is cold and nothing else.
 */
export async function endEnvironments(endpoint: URL, platform: number, functionName: string): Promise<void> {
  const deadline = Date.now() + 10000;
  for (;;) {
    const response = await fetch(new URL("/_thaw/environments", endpoint));
    const { environments } = (await response.json()) as { environments: { function: string }[] };
    if (!environments.some((row) => row.function === functionName)) return;
    if (Date.now() > deadline) throw new Error(`environments of ${functionName} would not end`);
    for (const { agent } of sandboxesOf(platform, functionName)) kill(agent);
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

/** A copy has its template's variables too, but is no program of its own: it is what the agent has become. */
function isTemplate(pid: number): boolean {
  if (!variablesOf(pid).includes("_THAW_TEMPLATE=1")) return false;
  try {
    return !readlinkSync(`/proc/${pid}/exe`).endsWith("/thaw-agent");
  } catch {
    return false;
  }
}

function variablesOf(pid: number): string[] {
  return read(pid, "environ").split("\0");
}

function childrenOf(pid: number): number[] {
  return read(pid, `task/${pid}/children`).trim().split(" ").filter(Boolean).map(Number);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it has ended meanwhile
  }
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
