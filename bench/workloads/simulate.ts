import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createKeepAlive, randomFrom } from "../../src/capacity/index.ts";
import {
  burst,
  type Call,
  createSimulation,
  generatedTraffic,
  policyOf,
  type Traffic,
} from "../../src/simulate/index.ts";
import { judge, measurement, table, type WorkloadOptions, type WorkloadReport } from "../harness/report.ts";
import { policy } from "./policy.ts";

const large = "10,000 functions, 100,000 environments";
const small = "100 functions, 1,000 environments";
const rate = "200,000 calls a second";
const kilobyte = "1 KB";
const perEnvironment = "memory of an environment";

/**
 * Goals 15 and 16: the scheduler's own code on a virtual clock. How long one of its decisions takes among many environments and among
 * few, how many calls a second of CPU time it decides about, what an environment takes in it; keep-alive against ten fixed minutes
 * and who knows the future (`policy`), and again with calls that take time and environments that are looked through every five
 * seconds; the mission's bursts.
 */
export async function simulate(options: WorkloadOptions): Promise<WorkloadReport> {
  const samples = new Map<string, number[]>([
    [rate, [200_000]],
    [kilobyte, [1024 / 1e6]],
  ]);
  const add = (name: string, value: number) => samples.set(name, [...(samples.get(name) ?? []), value]);
  const rounds = options.rounds ?? (options.quick ? 1 : 3);
  for (let round = 0; round < rounds; round++) {
    for (const [name, functions, calls] of [
      [small, 100, 100_000],
      [large, 10_000, 600_000],
    ] as const) {
      options.progress(`round ${round + 1} of ${rounds}: ${name}`);
      const found = crowd(functions, functions * 10, calls);
      add(`a decision: ${name}`, found.decisionMs);
      add(`calls simulated: ${name}`, found.callsPerSecond);
      add(`${perEnvironment}: ${name}`, found.bytesEach / 1e6);
    }
  }
  const keeping = await policy({ ...options, rounds: options.rounds ?? 2, quick: true });
  options.progress("policies with all there is");
  const policies = withRunTimes(options.quick ? 1 : 2);
  for (const [name, count] of policies.coldStarts) samples.set(`cold starts: ${name}`, count);
  options.progress("bursts");
  const goal = { goal: 15, direction: "at most" } as const;
  return {
    name: "simulate",
    loaded: false,
    measurements: [...samples]
      .map(([name, values]) => measurement(name, unitOf(name), values))
      .concat(keeping.measurements),
    verdicts: [
      judge(
        { ...goal, what: "a decision", subject: `a decision: ${large}`, baseline: `a decision: ${small}`, limit: 2 },
        samples,
        false,
      ),
      judge(
        {
          goal: 15,
          direction: "at least",
          unit: "requests/s",
          what: "calls simulated",
          subject: `calls simulated: ${large}`,
          baseline: rate,
          limit: 1,
        },
        samples,
        false,
      ),
      judge(
        { ...goal, unit: "MB", what: "memory", subject: `${perEnvironment}: ${large}`, baseline: kilobyte, limit: 1 },
        samples,
        false,
      ),
      ...keeping.verdicts,
    ],
    phases: [],
    missing: [],
    notes: [
      "a decision: admission, keep-alive's observation and the line's answer for one call; median of single ones, less what reading the clock takes",
      "calls simulated: of CPU time of the thread that simulates, with all it does for them, keep-alive's looks and the virtual clock included",
      policies.text,
      bursts(),
      ...keeping.notes,
    ],
  };
}

function unitOf(name: string) {
  if (name.startsWith("a decision")) return "ms";
  return name.startsWith("memory") || name === kilobyte ? "MB" : "requests/s";
}

/** Calls at random of many functions, at such a rate that about half of so many environments run at any time. */
function* crowdOf(functions: number, environments: number, random: () => number): Generator<Call> {
  const runMs = 200;
  const everyMs = (2 * runMs) / environments;
  for (let atMs = 0; ; atMs -= Math.log(1 - random()) * everyMs) {
    yield { atMs, of: Math.floor(random() * functions), runMs: runMs * (0.5 + random()) };
  }
}

function crowd(functions: number, environments: number, calls: number) {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const heap = () => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const decisions: number[] = [];
  const watch = {
    clock: () => performance.now(),
    decided: (began: number) => {
      decisions.push(performance.now() - began);
    },
  };
  const about = { memoryMb: 128, idleBytes: 2 ** 21, startMs: 10 };
  const world = {
    functions: Array.from({ length: functions }, (_, index) => ({ ...about, name: `f${index}` })),
    accountConcurrency: 1e9,
    keepAlive: createKeepAlive({ keepAliveMs: 600e3 }),
  };
  const before = heap();
  const filling = { world, calls: crowdOf(functions, environments, randomFrom(7)), endMs: 0 };
  const simulation = createSimulation(filling);
  while (simulation.calls < calls) simulation.step();
  const began = process.cpuUsage();
  while (simulation.calls < 2 * calls) simulation.step();
  const { user, system } = process.cpuUsage(began);
  const bytesEach = (heap() - before) / simulation.environments;
  // What measuring costs must not be in the figures above: again, watched.
  const watched = createSimulation({ ...filling, calls: crowdOf(functions, environments, randomFrom(7)), watch });
  while (watched.calls < calls) watched.step();
  decisions.length = 0;
  while (watched.calls < 1.2 * calls) watched.step();
  return {
    decisionMs: medianOf(decisions) - clockMs(),
    callsPerSecond: calls / ((user + system) / 1e6),
    bytesEach,
  };
}

/** What two readings of the clock in a row are apart, milliseconds. */
function clockMs(): number {
  return medianOf(Array.from({ length: 20_000 }, () => -performance.now() + performance.now()));
}

function medianOf(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

/** Goal 16 once more, with calls that take time, starts that take time and looks every five seconds. */
function withRunTimes(seeds: number) {
  const names = ["none", "fixed:10m", "thaw"];
  const coldStarts = new Map<string, number[]>(names.map((name) => [name, []]));
  const rows: string[][] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const traffic: Traffic = generatedTraffic(
      { seed, functions: 150, days: 3, callsADayAtMost: 300 },
      { memoryMb: 128, startMs: 100, runMs: 300 },
    );
    for (const name of names) {
      const world = { functions: traffic.functions, accountConcurrency: 1000, keepAlive: policyOf(name).make() };
      const result = createSimulation({ world, calls: traffic.calls, endMs: traffic.endMs }).run();
      coldStarts.get(name)!.push(result.coldStarts);
      const share = ((100 * result.coldStarts) / result.calls).toFixed(1);
      rows.push([
        String(seed),
        name,
        String(result.coldStarts),
        `${share} %`,
        (result.idleGbSeconds / 3600).toFixed(0),
        String(result.prewarms),
      ]);
    }
  }
  return {
    coldStarts,
    text: table(["trace", "policy", "cold starts", "of calls", "GB h ready", "prewarms"], rows, plain),
  };
}

/**
 * The mission's bursts, each call held for ten seconds. AWS: an account's 1,000 and 100,000, 1,000 environments in ten seconds, 100 ms
 * a start, who is turned away comes again after 100 ms. Two CPUs: starts of 9 ms of CPU (goal 12, as measured), no rate.
 */
function bursts(): string {
  const about = { name: "burst", memoryMb: 128, idleBytes: 2 ** 21, startMs: 100 };
  const aws = { about, runMs: 10_000, perTenSeconds: 1000, retryMs: 100, patienceMs: 3600e3 };
  const mission: readonly (readonly [count: number, ms: number])[] = [
    [100, 0],
    [1_000, 50],
    [10_000, 500],
    [100_000, 5_000],
  ];
  const rows = mission.map(([count, ms]) => {
    const last = (limits: Parameters<typeof burst>[1]) => `${(burst(count, limits).lastServedMs / 1000).toFixed(2)} s`;
    return [
      count.toLocaleString("en"),
      `${(ms / 1000).toFixed(2)} s`,
      // A hundred thousand callers that come again ten times a second for a quarter of an hour are a billion calls.
      count > 10_000 ? "–" : last({ ...aws, accountConcurrency: 1000 }),
      count > 10_000 ? "–" : last({ ...aws, accountConcurrency: 100_000 }),
      last({
        about: { ...about, startMs: 9 },
        runMs: 10_000,
        cpus: 2,
        accountConcurrency: 100_000,
        retryMs: 100,
        patienceMs: 3600e3,
      }),
    ];
  });
  const head = ["at once", "mission", "AWS, account of 1,000", "AWS, account of 100,000", "two CPUs, no rate"];
  return table(head, rows, plain);
}

const same = (text: string) => text;
const plain = { bold: same, dim: same, good: same, bad: same };
