import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createIsolation } from "../../src/isolation/index.ts";
import { percentile } from "../../src/measure/index.ts";
import { tooLoaded } from "../harness/machine.ts";
import { judge, measurement, type Verdict, type WorkloadOptions, type WorkloadReport } from "../harness/report.ts";
import { createSpawner } from "../harness/spawner.ts";
import { traces } from "../subject/index.ts";
import { programVersion, runcCommand } from "./sandbox.ts";

const ours = "thaw: sandboxes made, run and destroyed";
const theirs = "runc run true";
const wide = 2;

/** One loop's work: when each sandbox was gone, ms since the loop's beginning, and how long it took. */
interface Turn {
  readonly at: number;
  readonly ms: number;
}

/**
 * Goal 13: a minute of making sandboxes, running them and destroying them, two at a time, against two loops of `runc run`
 * (half of them before, half after), and what is left of it.
 */
export async function churn(options: WorkloadOptions): Promise<WorkloadReport> {
  const seconds = options.rounds ?? (options.quick ? 5 : 60);
  const scratch = mkdtempSync(join(tmpdir(), "thaw-bench-churn-"));
  const spawners = Array.from({ length: wide }, createSpawner);
  const missing: { name: string; reason: string }[] = [];
  try {
    const runDir = join(scratch, "run");
    const isolation = await createIsolation({ driver: "container", runDir, rootfs: undefined, pool: 4, log: () => {} });
    const once = async (): Promise<void> => {
      const id = randomBytes(16).toString("hex");
      const sandbox = await isolation.driver.create({ id, ...plainSpec });
      await sandbox.kill();
    };
    const rival: Turn[][] = [];
    const runRival = async (): Promise<void> => {
      if (programVersion("runc") === undefined) return;
      options.progress("runc");
      const command = runcCommand(join(scratch, "bundle"));
      rival.push(await loops(seconds / 2, (n) => spawners[n]!.run(command(), "exit").then(checkExit)));
    };
    let turns: Turn[];
    let before: string;
    let after: string;
    const loaded = (await tooLoaded()) !== undefined;
    try {
      await runRival();
      options.progress("thaw");
      await loops(0.5, once);
      await settle();
      before = traces();
      turns = await loops(seconds, once);
      await settle();
      after = traces();
      await runRival();
    } finally {
      await isolation.close();
    }
    const left = traces();
    if (rival.length === 0) missing.push({ name: theirs, reason: "not installed (Debian: apt-get install runc)" });
    const samples = new Map([
      [ours, rates(turns, seconds)],
      [theirs, rival.flatMap((half) => rates(half, seconds / 2))],
    ]);
    const edge = Math.min(10, Math.floor(seconds / 3));
    const [first, last] = [within(turns, 0, edge), within(turns, seconds - edge, seconds)];
    const goal = { goal: 13, what: "create, run, destroy" } as const;
    const drift = percentile(last, 99) / percentile(first, 99);
    const steady = judge(
      { ...goal, subject: `the last ${edge} s`, baseline: `the first ${edge} s`, limit: 1.3, direction: "at most" },
      new Map([
        [`the last ${edge} s`, last],
        [`the first ${edge} s`, first],
      ]),
      loaded,
    );
    const verdicts: Verdict[] = [
      judge(
        { ...goal, subject: ours, baseline: theirs, limit: 8, direction: "at least", unit: "sandboxes/s" },
        samples,
        loaded,
      ),
      // the goal is about the tails, of which judge() says nothing
      {
        ...steady,
        what: `${goal.what}, p99`,
        ratio: { value: drift, low: drift, high: drift },
        met: loaded ? undefined : drift <= 1.3,
      },
    ];
    return {
      name: "churn",
      loaded,
      measurements: [...samples]
        .filter(([, values]) => values.length > 0)
        .map(([name, values]) => measurement(name, "sandboxes/s", values, `${wide} at a time, ${seconds} s`)),
      verdicts,
      phases: [],
      missing,
      notes: [
        `${turns.length} sandboxes; before: ${before}; after: ${after}; at the end: ${left}`,
        before === after ? "Nothing was left behind." : "SOMETHING WAS LEFT BEHIND.",
      ],
    };
  } finally {
    for (const spawner of spawners) spawner.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

const plainSpec = {
  mounts: [],
  tmpBytes: 512 << 20,
  memoryBytes: 1769 << 20,
  cpus: 1,
  network: "none" as const,
};

function checkExit({ code }: { readonly code: number }): void {
  if (code !== 0) throw new Error(`${theirs}: exit code ${code}`);
}

/** As many loops as the goal is wide, for so many seconds. */
async function loops(seconds: number, once: (loop: number) => Promise<void>): Promise<Turn[]> {
  const began = performance.now();
  const turns: Turn[] = [];
  const loop = async (n: number): Promise<void> => {
    while (performance.now() - began < seconds * 1000) {
      const started = performance.now();
      await once(n);
      const ended = performance.now();
      turns.push({ at: ended - began, ms: ended - started });
    }
  };
  await Promise.all(Array.from({ length: wide }, (_, n) => loop(n)));
  return turns;
}

/** Sandboxes a second, one sample for each whole second. */
function rates(turns: readonly Turn[], seconds: number): number[] {
  return Array.from({ length: Math.floor(seconds) }, (_, n) => within(turns, n, n + 1).length);
}

function within(turns: readonly Turn[], from: number, to: number): number[] {
  return turns.filter(({ at }) => at >= from * 1000 && at < to * 1000).map(({ ms }) => ms);
}

/** Slots are refilled in the background. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 1000));
