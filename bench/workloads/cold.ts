import type { Timing } from "../../src/model/index.ts";
import { type Interleaved, interleave, type Subject } from "../harness/interleave.ts";
import { tooLoaded } from "../harness/machine.ts";
import { judge, measurement, type Verdict, type WorkloadOptions, type WorkloadReport } from "../harness/report.ts";
import { createSpawner } from "../harness/spawner.ts";
import { percentile } from "../harness/statistics.ts";
import { medianPhases, type Server, startServer, unexplainedShare } from "../subject/index.ts";
import { type Fresh, type Pair, type Prepared, prepare } from "./cold-pairs.ts";

/**
 * Goals 1 to 5, the plain side (no snapshot yet): from the request to the first byte of the answer of a function of which
 * no environment is alive, against a fresh process of the same binary. Every timed call reads its sandbox from inside.
 */
export async function cold(options: WorkloadOptions): Promise<WorkloadReport> {
  const server = await startServer();
  const spawner = createSpawner();
  let prepared: Prepared | undefined;
  try {
    options.progress("preparing functions and baselines");
    prepared = await prepare(server, spawner, options.progress);
    const { pairs, missing } = prepared;
    const timings = new Map<string, Timing[]>(pairs.map(({ fn }) => [fn.title, []]));
    const outside = new Map<string, number[]>(pairs.map(({ fn }) => [fn.title, []]));
    const subjects = (pair: Pair): Subject[] => [
      thaw(server, pair, timings.get(pair.fn.title)!, outside.get(pair.fn.title)!),
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
    return {
      name: "cold",
      loaded,
      measurements: [...samples].map(([name, values]) => measurement(name, "ms", values)),
      verdicts: pairs.map((pair) => verdict(pair, samples, loaded)),
      phases: [...timings].map(([name, list]) => ({ name, start: list[0]!.start, phases: medianPhases(list) })),
      missing,
      notes: [
        `p99/p50: ${named((title) => tail(samples.get(title)!))}`,
        `beyond the server's own total, p50: ${named((title) => `${percentile(outside.get(title)!, 50).toFixed(2)} ms`)}`,
        `time without a phase, of a start: ${named((title) => `${(100 * unexplainedShare(timings.get(title)!)).toFixed(1)} %`)} (goal: under 5 %)`,
        server.driver === "container"
          ? "Full isolation was asserted from inside the handler in every timed call."
          : `NOT ISOLATED: driver ${server.driver}.`,
        ...discards(runs.flatMap((run) => run.discarded)),
      ],
    };
  } finally {
    prepared?.close();
    spawner.close();
    await server.stop();
  }
}

/** How many rounds were discarded, with one example why. */
export function discards(reasons: readonly string[]): string[] {
  return reasons.length === 0 ? [] : [`${reasons.length} rounds discarded, such as: ${reasons[0]}`];
}

function verdict(
  { goal, limit, fn, baseline }: Pair,
  samples: ReadonlyMap<string, readonly number[]>,
  loaded: boolean,
): Verdict {
  const names = { subject: fn.title, baseline: baseline.name };
  const judged = judge({ goal, what: "cold start", limit, direction: "at most", ...names }, samples, loaded);
  return goal === 5 || judged.note ? judged : { ...judged, note: "a plain start; the goal is one from a snapshot" };
}

function tail(samples: readonly number[]): string {
  return `${(percentile(samples, 99) / percentile(samples, 50)).toFixed(1)}×`;
}

function thaw(server: Server, { fn }: Pair, timings: Timing[], outside: number[]): Subject {
  return {
    name: fn.title,
    async once(round) {
      await server.chill(fn.name);
      const { firstByteMs, timing } = await server.inspect(fn.name);
      if (timing.start === "warm") throw new Error(`${fn.name}: the call after an update was not a cold start`);
      if (round >= 0) {
        timings.push(timing);
        outside.push(firstByteMs - timing.total);
      }
      return [firstByteMs];
    },
  };
}

function fresh({ name, run }: Fresh): Subject {
  return { name, once: async () => [await run()] };
}
