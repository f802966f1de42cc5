import { percentile } from "../../src/measure/index.ts";
import type { StartKind, Timing } from "../../src/model/index.ts";
import { type Interleaved, interleave, type Subject } from "../harness/interleave.ts";
import { tooLoaded } from "../harness/machine.ts";
import {
  discards,
  judge,
  judgeTail,
  measurement,
  uncounted,
  type Verdict,
  type WorkloadOptions,
  type WorkloadReport,
} from "../harness/report.ts";
import { createSpawner } from "../harness/spawner.ts";
import { type BenchFunction, medianPhases, type Server, unexplainedShare } from "../subject/index.ts";
import { type Fresh, type Pair, type Prepared, prepare } from "./cold-pairs.ts";

/** What kind of cold start is measured, and how a function comes to it. */
export interface ColdKind {
  readonly name: string;
  /** once a function, after its first call */
  ready(fn: BenchFunction): Promise<void>;
  /** makes its next call a cold one */
  again(fn: BenchFunction): Promise<void>;
  /** the start that the goals 1 to 4 are about; native code (goal 5) may start as the platform finds best */
  readonly wanted: StartKind;
  /** why a function cannot start like that, if so */
  without(fn: BenchFunction): string | undefined;
  notes(): readonly string[];
}

/** Cold calls that came out another way than wanted may be this part of all before a goal is not judged any more. */
const strays = 0.05;

/**
 * Goals 1 to 5 with one kind of start: request to first byte, next to a fresh process of the same binary. Every timed call
 * reads its sandbox from inside. Stops the server at the end.
 */
export async function coldStarts(server: Server, options: WorkloadOptions, kind: ColdKind): Promise<WorkloadReport> {
  const spawner = createSpawner();
  let prepared: Prepared | undefined;
  try {
    options.progress("preparing functions and baselines");
    prepared = await prepare(server, spawner, options.progress, kind.ready);
    const { pairs, missing } = prepared;
    const calls = new Map(pairs.map(({ fn }) => [fn.title, { timings: [] as Timing[], outside: [] as number[] }]));
    const subjects = (pair: Pair): Subject[] => [
      thaw(server, pair, kind, calls.get(pair.fn.title)!),
      fresh(pair.baseline),
      ...(pair.floor ? [fresh(pair.floor)] : []),
    ];
    const rounds = options.rounds ?? (options.quick ? 5 : 30);
    const runs: Interleaved[] = [];
    // what takes seconds a round has fewer of them, in a run of its own
    for (const every of new Set(pairs.map((pair) => pair.every))) {
      const group = pairs.filter((pair) => pair.every === every).flatMap(subjects);
      const wanted = { rounds: Math.ceil(rounds / every), warmups: 1, tooLoaded, progress: options.progress };
      runs.push(await interleave(group, wanted));
    }
    const samples = new Map(runs.flatMap((run) => [...run.samples]));
    const loaded = runs.some((run) => run.loaded);
    const named = (show: (title: string) => string): string =>
      pairs.map(({ fn }) => `${fn.title} ${show(fn.title)}`).join("; ");
    const timings = (title: string): Timing[] => calls.get(title)!.timings;
    return {
      name: kind.name,
      loaded,
      measurements: [...samples].map(([name, values]) => measurement(name, "ms", values)),
      verdicts: pairs.flatMap((pair) => verdicts(pair, kind, timings(pair.fn.title), samples, loaded)),
      phases: pairs.map(({ fn }) => ({
        name: fn.title,
        start: kinds(timings(fn.title)),
        phases: medianPhases(timings(fn.title)),
      })),
      missing,
      notes: [
        `p99/p50: ${named((title) => tail(samples.get(title)!))}`,
        `beyond the server's own total, p50: ${named((title) => `${percentile(calls.get(title)!.outside, 50).toFixed(2)} ms`)}`,
        `time without a phase, of a start: ${named((title) => `${(100 * unexplainedShare(timings(title))).toFixed(1)} %`)} (goal: under 5 %)`,
        server.driver === "container"
          ? "Full isolation was asserted from inside the handler in every timed call."
          : `NOT ISOLATED: driver ${server.driver}.`,
        ...kind.notes(),
        ...discards(runs.flatMap((run) => run.discarded)),
      ],
    };
  } finally {
    prepared?.close();
    spawner.close();
    await server.stop();
  }
}

function verdicts(
  { goal, limit, tail, fn, baseline }: Pair,
  kind: ColdKind,
  timings: readonly Timing[],
  samples: ReadonlyMap<string, readonly number[]>,
  loaded: boolean,
): Verdict[] {
  const what = `cold start (${kind.name})`;
  const names = { subject: fn.title, baseline: baseline.name };
  const judged = [judge({ goal, what, limit, direction: "at most", ...names }, samples, loaded)];
  if (tail !== undefined) {
    const spread = { goal, what: `${what}, p99`, subject: fn.title, limit: tail };
    judged.push(judgeTail(spread, samples.get(fn.title) ?? [], loaded));
  }
  return judged.map((verdict) => (goal === 5 ? verdict : uncounted(verdict, objection(fn, kind, timings))));
}

/** Why what was measured is not the start that the goal is about. */
function objection(fn: BenchFunction, kind: ColdKind, timings: readonly Timing[]): string | undefined {
  const without = kind.without(fn);
  if (without !== undefined) return without;
  const stray = timings.filter(({ start }) => start !== kind.wanted).length;
  return stray > Math.max(1, strays * timings.length) ? `the starts were ${kinds(timings)}` : undefined;
}

/** `restore`, or `restore 28, plain 2`. */
function kinds(timings: readonly Timing[]): string {
  const counts = Object.entries(Object.groupBy(timings, ({ start }) => start));
  return counts.map(([start, list]) => (counts.length === 1 ? start : `${start} ${list.length}`)).join(", ");
}

function tail(samples: readonly number[]): string {
  return `${(percentile(samples, 99) / percentile(samples, 50)).toFixed(1)}×`;
}

function thaw(
  server: Server,
  { fn }: Pair,
  kind: ColdKind,
  calls: { readonly timings: Timing[]; readonly outside: number[] },
): Subject {
  return {
    name: fn.title,
    async once(round) {
      await kind.again(fn);
      const { firstByteMs, timing } = await server.inspect(fn.name);
      if (timing.start === "warm") throw new Error(`${fn.name}: the call was not a cold start`);
      if (round >= 0) {
        calls.timings.push(timing);
        calls.outside.push(firstByteMs - timing.total);
      }
      return [firstByteMs];
    },
  };
}

function fresh({ name, run }: Fresh): Subject {
  return { name, once: async () => [await run()] };
}
