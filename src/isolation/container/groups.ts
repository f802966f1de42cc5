import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { processTree, residentBytes } from "../process/tree.ts";
import type { LauncherReady, Part } from "./launcher.ts";

/** The control groups of one sandbox as the platform uses them: by files kept open, never through the launcher. */
export interface Groups {
  readonly freezer: boolean;
  /** no effect once the groups are gone */
  /** CPUs of CPU time, fractional, from now on */
  limitCpu(cpus: number): void;
  freeze(): void;
  thaw(): void;
  /** bytes of memory in use now, without pages of files that the kernel can drop; where no group counts, what its processes hold resident */
  memory(): number;
  /** highest value of memory() so far, sampled at most every 100 ms and corrected by the kernel's own high-water mark */
  peak(): number;
  /** Has the kernel take all the memory that it can; resolves with the bytes it took, 0 where no group counts. */
  reclaim(): Promise<number>;
  /** processes killed for want of memory so far */
  outOfMemoryKills(): number;
  close(): void;
}

const sampleEveryMs = 100;

/** Period of the CPU quota, and the kernel's smallest quota (kernel/sched/core.c), microseconds; as agent/src/launcher/cgroup.rs. */
const cpuPeriod = 20_000;
const smallestQuota = 1_000;

/** CPUs as a quota of a period; a share smaller than the smallest quota gets a longer period. */
function cpuQuota(cpus: number): { quota: number; period: number } {
  const quota = Math.round(cpus * cpuPeriod);
  if (quota >= smallestQuota) return { quota, period: cpuPeriod };
  return { quota: smallestQuota, period: Math.min(1_000_000, Math.max(cpuPeriod, Math.trunc(smallestQuota / cpus))) };
}

/** Files are opened when first used: most of them never are while somebody waits. `pid`: the sandbox's first process. */
export function openGroups(found: LauncherReady, slot: number, pid: number): Groups {
  const files = new Map<string, number>();
  let closed = false;
  let peak = 0;
  let sampled = Number.NEGATIVE_INFINITY;

  const path = (part: Part, name: string) => join(found.parts[part]?.directory ?? "", `s${slot}`, name);
  const open = (part: Part, name: string, flags: "r" | "w"): number | undefined => {
    const key = `${part}/${name}`;
    const known = files.get(key);
    if (known !== undefined || closed || !found.parts[part]) return known;
    try {
      const fd = openSync(path(part, name), flags);
      files.set(key, fd);
      return fd;
    } catch {
      return undefined; // the group is gone, or this kernel has no such file
    }
  };
  const write = (part: Part, name: string, value: string) => {
    const fd = open(part, name, "w");
    if (fd === undefined) return;
    try {
      writeSync(fd, value, 0);
    } catch {
      // ENODEV: the sandbox has just ended
    }
  };
  const buffer = Buffer.allocUnsafe(4096);
  const read = (part: Part, name: string): string => {
    const fd = open(part, name, "r");
    if (fd === undefined) return "";
    try {
      return buffer.toString("latin1", 0, readSync(fd, buffer, 0, buffer.length, 0));
    } catch {
      return "";
    }
  };
  const number = (name: string) => Number(read("memory", name)) || 0;
  const field = (text: string, name: string) => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1] ?? 0);

  const memoryV2 = found.parts.memory?.v2 ?? false;
  const freezerV2 = found.parts.freezer?.v2 ?? false;
  /** pages of files that could be dropped: read once from disk, not the function's need */
  const fileBytes = () => {
    const stat = read("memory", "memory.stat");
    return memoryV2
      ? field(stat, "active_file") + field(stat, "inactive_file")
      : field(stat, "total_active_file") + field(stat, "total_inactive_file");
  };
  const usage = () => number(memoryV2 ? "memory.current" : "memory.usage_in_bytes");
  const memory = () =>
    found.parts.memory ? Math.max(0, usage() - fileBytes()) : closed ? 0 : residentBytes(processTree(pid));
  const mark = () => number(memoryV2 ? "memory.peak" : "memory.max_usage_in_bytes");

  return {
    limitCpu(cpus) {
      const { quota, period } = cpuQuota(cpus);
      if (found.parts.cpu?.v2) {
        write("cpu", "cpu.max", `${quota} ${period}`);
        write("cpu", "cpu.weight", String(Math.min(10_000, Math.max(1, Math.trunc(cpus * 100)))));
        return;
      }
      // The longer period first: a quota must never be more than all CPUs, nor less than the kernel's smallest.
      write("cpu", "cpu.cfs_period_us", String(period));
      write("cpu", "cpu.cfs_quota_us", String(quota));
      write("cpu", "cpu.shares", String(Math.min(262_144, Math.max(2, Math.trunc(cpus * 1024)))));
    },
    freezer: found.parts.freezer !== undefined,
    freeze: () => (freezerV2 ? write("freezer", "cgroup.freeze", "1") : write("freezer", "freezer.state", "FROZEN")),
    thaw: () => (freezerV2 ? write("freezer", "cgroup.freeze", "0") : write("freezer", "freezer.state", "THAWED")),
    memory,
    peak() {
      const now = performance.now();
      if (now - sampled >= sampleEveryMs) {
        sampled = now;
        if (!found.parts.memory) {
          peak = Math.max(peak, memory());
          return peak;
        }
        const files = fileBytes();
        peak = Math.max(peak, usage() - files, mark() - files);
      }
      return peak;
    },
    async reclaim() {
      if (closed || !found.parts.memory) return 0;
      const before = usage();
      // kernel/Documentation/admin-guide/cgroup-v2.rst: memory.reclaim; cgroup-v1/memory.rst: force_empty. Both take their
      // time, so that a thread of the pool does it; both fail with EAGAIN or EBUSY when they got less than was asked for.
      const order = memoryV2
        ? writeFile(path("memory", "memory.reclaim"), String(before))
        : writeFile(path("memory", "memory.force_empty"), "0");
      await order.catch(() => undefined);
      return closed ? 0 : Math.max(0, before - usage());
    },
    outOfMemoryKills: () => field(read("memory", memoryV2 ? "memory.events" : "memory.oom_control"), "oom_kill"),
    close() {
      closed = true;
      for (const fd of files.values()) closeSync(fd);
      files.clear();
    },
  };
}
