import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";

/** On what a report was measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly engine: string;
  readonly python: string;
  /** short hash, with `+` when files of it were changed */
  readonly commit: string;
  /** one-minute load average at the start */
  readonly load: number;
  readonly date: string;
}

/** Looks at this machine. Never fails: what cannot be found out says `unknown` or `none`. */
export function machine(root: string): Machine {
  const commit = firstLine("git", ["-C", root, "rev-parse", "--short", "HEAD"]) ?? "unknown";
  const dirty = firstLine("git", ["-C", root, "status", "--porcelain", "--untracked-files=no"]);
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    engine: process.version,
    python: firstLine("python3", ["-c", "import platform; print(platform.python_version())"]) ?? "none",
    commit: dirty ? `${commit}+` : commit,
    load: Math.round(loadavg()[0]! * 100) / 100,
    date: new Date().toISOString(),
  };
}

export function banner(m: Machine): string {
  return `${m.cores} × ${m.cpu}, ${m.memoryGiB} GiB, Linux ${m.kernel}; engine Node.js ${m.engine}, Python ${m.python}; Thaw ${m.commit}; load ${m.load}; ${m.date}`;
}

/**
 * Why a measurement that starts now would not count, or undefined: the load average is above the number of cores, or
 * others use half of them. The average is slow and remembers a benchmark's own last minute, so the cores are watched for
 * 200 ms while the benchmark rests, and what they say then decides.
 */
export async function tooLoaded(cores = cpus().length): Promise<string | undefined> {
  const load = loadavg()[0]!;
  if (!existsSync("/proc/stat")) {
    return load > cores ? `load average ${load.toFixed(1)} on ${cores} cores` : undefined;
  }
  const before = cpuTimes();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const after = cpuTimes();
  const busy = (cores * (after.busy - before.busy)) / Math.max(1, after.all - before.all);
  if (busy < cores / 2) return undefined;
  return `${busy.toFixed(1)} of ${cores} cores busy with something else (load average ${load.toFixed(1)})`;
}

/** Ticks of all cores since boot, proc(5). */
function cpuTimes(): { readonly busy: number; readonly all: number } {
  const ticks = readFileSync("/proc/stat", "utf8").split("\n", 1)[0]!.trim().split(/\s+/).slice(1, 9).map(Number);
  const all = ticks.reduce((sum, value) => sum + value, 0);
  return { busy: all - ticks[3]! - ticks[4]!, all };
}

function firstLine(program: string, args: readonly string[]): string | undefined {
  try {
    const out = execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return out.split("\n", 1)[0] || undefined;
  } catch {
    return undefined;
  }
}
