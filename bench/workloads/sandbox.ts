import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { builtAgent, createIsolation, type Isolation } from "../../src/isolation/index.ts";
import { interleave, type Subject } from "../harness/interleave.ts";
import { tooLoaded } from "../harness/machine.ts";
import { program } from "../harness/processes.ts";
import { createSpawner, type Spawner } from "../harness/spawner.ts";

/** One way to make an empty sandbox; samples in ms. */
export interface SandboxRow {
  readonly name: string;
  readonly detail: string;
  readonly samples: readonly number[];
}

export interface SandboxRun {
  readonly rows: readonly SandboxRow[];
  /** what could not be had on this machine, and why */
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
  readonly discarded: readonly string[];
  readonly loaded: boolean;
}

/** Names of the rows that goal 7 compares. */
export const sandboxRows = {
  ready: "thaw, create to first instruction",
  cold: "thaw without ready slots, create to first instruction",
  whole: "thaw, create to gone",
  bwrap: "bwrap --unshare-all true",
  runc: "runc run true",
} as const;

const perRound = 10;

/** Makes empty sandboxes with full isolation, next to bwrap and runc running `true`, interleaved. Samples a round: 10 of each. */
export async function run(options: {
  readonly rounds: number;
  readonly progress?: (text: string) => void;
}): Promise<SandboxRun> {
  const scratch = mkdtempSync(join(tmpdir(), "thaw-bench-sandbox-"));
  const spawner = createSpawner();
  const missing: { name: string; reason: string }[] = [];
  const pooled = await isolation(join(scratch, "pooled"), 4);
  const bare = await isolation(join(scratch, "bare"), 0);
  try {
    const subjects: { subject: Subject; detail: string }[] = [
      { subject: thaw(sandboxRows.ready, pooled, "main"), detail: "container driver, slots made ahead of time" },
      { subject: thaw(sandboxRows.cold, bare, "main"), detail: "container driver, everything made on demand" },
      {
        subject: thaw(sandboxRows.whole, pooled, "gone"),
        detail: "the same with its removal, as the other programs have it",
      },
    ];
    for (const [name, version, prepare] of [
      [sandboxRows.bwrap, programVersion("bwrap"), () => bwrapCommand],
      [sandboxRows.runc, programVersion("runc"), () => runcCommand(join(scratch, "bundle"))],
    ] as const) {
      if (version === undefined) {
        missing.push({
          name,
          reason: `not installed (Debian: apt-get install ${name.startsWith("runc") ? "runc" : "bubblewrap"})`,
        });
        continue;
      }
      const command = prepare();
      const trial = await spawner.run(command(), "exit");
      if (trial.code === 0) subjects.push({ subject: outside(name, spawner, command), detail: version });
      else missing.push({ name, reason: `${version} does not run here (exit code ${trial.code})` });
    }
    const progress = options.progress === undefined ? {} : { progress: options.progress };
    const measured = await interleave(
      subjects.map(({ subject }) => subject),
      { rounds: options.rounds, tooLoaded, ...progress },
    );
    return {
      rows: subjects.map(({ subject, detail }) => ({
        name: subject.name,
        detail,
        samples: measured.samples.get(subject.name)!,
      })),
      missing,
      discarded: measured.discarded,
      loaded: measured.loaded,
    };
  } finally {
    spawner.close();
    await pooled.close();
    await bare.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

function isolation(runDir: string, pool: number): Promise<Isolation> {
  return createIsolation({ driver: "container", runDir, rootfs: undefined, pool, log: () => undefined });
}

/** The phases that one sandbox shows: until the agent's first instruction, or until nothing of it is left. */
function thaw(name: string, { driver }: Isolation, until: "main" | "gone"): Subject {
  const spec = { mounts: [], tmpBytes: 512 << 20, memoryBytes: 1769 << 20, cpus: 1, network: "none" as const };
  return {
    name,
    async once() {
      const samples: number[] = [];
      for (let n = 0; n < perRound; n++) {
        const started = performance.now();
        const sandbox = await driver.create({ id: randomBytes(16).toString("hex"), ...spec });
        await sandbox.kill();
        samples.push(until === "main" ? sandbox.marks.main - sandbox.marks.asked : performance.now() - started);
        // as functions come: the slot just used is made again meanwhile
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return samples;
    },
  };
}

function outside(name: string, spawner: Spawner, command: () => readonly string[]): Subject {
  return {
    name,
    async once() {
      const samples: number[] = [];
      for (let n = 0; n < perRound; n++) {
        samples.push((await spawner.run(command(), "exit")).ms);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return samples;
    },
  };
}

function bwrapCommand(): readonly string[] {
  return [
    program("bwrap")!,
    "--unshare-all",
    "--ro-bind",
    "/",
    "/",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    "--tmpfs",
    "/tmp",
    "/bin/true",
  ];
}

/** A bundle whose only file is a static program that does nothing but end, so that no dynamic loading is timed. */
export function runcCommand(bundle: string): () => readonly string[] {
  mkdirSync(join(bundle, "rootfs"), { recursive: true });
  copyFileSync(builtAgent, join(bundle, "rootfs", "true"));
  spawnSync("runc", ["spec"], { cwd: bundle });
  const path = join(bundle, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as { process: { terminal: boolean; args: string[] } };
  config.process.terminal = false;
  config.process.args = ["/true", "--version"];
  writeFileSync(path, JSON.stringify(config));
  let count = 0;
  return () => [program("runc")!, "run", "--bundle", bundle, `thaw-bench-${process.pid}-${count++}`];
}

/** First line of what a program says of its version; undefined: there is none. */
export function programVersion(name: string): string | undefined {
  const { status, stdout } = spawnSync(name, ["--version"], { encoding: "utf8" });
  return status === 0 ? stdout.split("\n", 1)[0] : undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { rows, missing, discarded } = await run({ rounds: 5 });
  for (const { name, samples } of rows) {
    const sorted = [...samples].sort((a, b) => a - b);
    const at = (part: number) => sorted[Math.floor((sorted.length - 1) * part)]!.toFixed(2).padStart(8);
    console.log(`${name.padEnd(56)} p50 ${at(0.5)} ms  p99 ${at(0.99)} ms  n=${sorted.length}`);
  }
  for (const { name, reason } of missing) console.log(`${name}: skipped, ${reason}`);
  for (const reason of discarded) console.log(`a round was discarded: ${reason}`);
}
