import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { interleave, type Subject } from "../harness/interleave.ts";
import { tooLoaded } from "../harness/machine.ts";
import { startChild } from "../harness/processes.ts";
import { discards, judge, measurement, type WorkloadOptions, type WorkloadReport } from "../harness/report.ts";
import { repository } from "../peers/index.ts";
import { readText, startServer } from "../subject/index.ts";

const thaw = join(repository, "bin", "thaw");
const listens = "thaw up until it listens, on an empty data directory";
const again = "thaw up until it listens, on the data of before";
const help = "thaw --help";
const bare = `node -e 0 (${process.version})`;
const idleServer = "idle server";
const idleNode = "idle node";

/**
 * Goal 18: how long until the server listens and the command line has answered, against a bare engine; and the resident
 * memory of a server that lies idle. What the start makes for later (sandboxes, a launcher) is work beside it, not before it.
 */
export async function startup(options: WorkloadOptions): Promise<WorkloadReport> {
  const rounds = options.rounds ?? (options.quick ? 5 : 20);
  const scratch = mkdtempSync(join(tmpdir(), "thaw-bench-startup-"));
  let fresh = 0;
  const up = (data: string) => [thaw, "up", "--port", "0", "--data", data, "--json"];
  const kept = join(scratch, "kept");
  const subjects: Subject[] = [
    { name: listens, once: async () => [await untilListening(up(join(scratch, `fresh-${fresh++}`)))] },
    { name: again, once: async () => [await untilListening(up(kept))] },
    { name: help, once: async () => [await untilEnd([thaw, "--help"])] },
    { name: bare, once: async () => [await untilEnd([process.execPath, "-e", "0"])] },
  ];
  try {
    const { samples, discarded, loaded } = await interleave(subjects, {
      rounds,
      warmups: 2,
      tooLoaded,
      progress: options.progress,
    });
    options.progress("memory");
    const memory = await idleMemory();
    const all = new Map([...samples, ...memory]);
    const goal = { goal: 18, baseline: bare, direction: "at most" } as const;
    return {
      name: "startup",
      loaded,
      measurements: [...all].map(([name, values]) => measurement(name, memory.has(name) ? "MB" : "ms", values)),
      verdicts: [
        judge({ ...goal, what: "server listening", subject: listens, limit: 4 }, all, loaded),
        judge({ ...goal, what: "server listening", subject: again, limit: 4 }, all, loaded),
        judge({ ...goal, what: "command line", subject: help, limit: 2.5 }, all, loaded),
        judge(
          { ...goal, what: "memory", subject: idleServer, baseline: idleNode, limit: 2, unit: "MB" },
          memory,
          false,
        ),
      ],
      phases: [],
      missing: [],
      notes: [
        ...discards(discarded),
        "memory: VmRSS of the platform's own process, 5 s after it began to listen, in MB of 1,000,000 bytes",
      ],
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Milliseconds from spawning it to the line that says it listens; it is ended then. */
async function untilListening(argv: readonly string[]): Promise<number> {
  const began = performance.now();
  const child = spawn(argv[0]!, argv.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  let said = "";
  for await (const chunk of child.stdout!) {
    said += String(chunk);
    if (said.includes('"listening"')) break;
  }
  const ms = performance.now() - began;
  if (!said.includes('"listening"')) throw new Error(`${argv.join(" ")} ended and said: ${said}`);
  child.kill("SIGTERM");
  await ended;
  return ms;
}

/** Milliseconds from spawning it to its end. */
async function untilEnd(argv: readonly string[]): Promise<number> {
  const began = performance.now();
  const child = spawn(argv[0]!, argv.slice(1), { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}`);
  return performance.now() - began;
}

/** Resident megabytes of a server and of a bare engine, neither of which does anything. */
async function idleMemory(): Promise<Map<string, readonly number[]>> {
  const server = await startServer();
  const node = await startChild([process.execPath, "-e", "console.log('idle'); setInterval(() => {}, 1e9)"], (output) =>
    output.includes("idle"),
  );
  try {
    await pause(5000);
    return new Map([
      [idleServer, [residentMb(server.pid)]],
      [idleNode, [residentMb(node.pid)]],
    ]);
  } finally {
    await node.stop();
    await server.stop();
  }
}

/** VmRSS of proc_pid_status(5), in MB. */
function residentMb(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readText(`/proc/${pid}/status`))?.[1];
  return (Number(kilobytes) * 1024) / 1e6;
}
