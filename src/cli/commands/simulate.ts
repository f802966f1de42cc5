import {
  burst,
  costOf,
  createSimulation,
  generatedTraffic,
  type NamedPolicy,
  policyOf,
  readTraffic,
  type SimulationResult,
  type Traffic,
  UnreadableRecord,
} from "../../simulate/index.ts";
import { bar, columns } from "../chart.ts";
import { CommandFailure, usageFailure } from "../failure.ts";
import { milliseconds, print, printJson, styled, table } from "../output.ts";
import { type CommonOptions, readNamedFile, spanMs, wholeNumber } from "../settings.ts";

interface SimulateOptions extends CommonOptions {
  readonly functions?: string;
  readonly days?: string;
  readonly seed?: string;
  readonly policy?: string[];
  readonly burst?: string;
  readonly concurrency?: string;
  readonly rate?: string;
  readonly cpus?: string;
  readonly budget?: string;
  readonly reserved?: string;
  readonly provisioned?: string;
  readonly memory?: string;
  readonly start?: string;
  readonly run?: string;
  readonly retry?: string;
}

/** What the mission says of bursts, milliseconds; shown beside what comes out. */
const mission: Readonly<Record<number, number>> = { 100: 0, 1000: 50, 10000: 500, 100000: 5_000 };
/** Callers of a burst that are turned away give up after this. */
const patienceMs = 3600e3;
const chartWidth = 60;

/** What the platform's own scheduler would do: with a burst, or with a record of calls (or made-up ones) under several policies. */
export async function simulate(record: string | undefined, options: SimulateOptions): Promise<void> {
  const limits = limitsOf(options);
  const assumed = {
    memoryMb: whole("--memory", options.memory, 128, { min: 128, max: 10_240 })!,
    startMs: spanMs("--start", options.start ?? "100ms"),
    runMs: spanMs("--run", options.run ?? (options.burst === undefined ? "300ms" : "1s")),
  };
  if (options.burst !== undefined) {
    const most = { min: 1, max: 1_000_000 };
    const counts = options.burst.split(",").map((text) => wholeNumber("--burst", text.trim(), most));
    const { memoryMb, startMs, runMs } = assumed;
    const about = { name: "burst", memoryMb, idleBytes: memoryMb * 2 ** 20, startMs, ...limits.own };
    const retryMs = spanMs("--retry", options.retry ?? "100ms");
    const results = counts.map((count) => burst(count, { ...limits.world, about, runMs, retryMs, patienceMs }));
    return options.json ? printJson({ bursts: results }) : printBursts(counts, results);
  }
  const traffic = record === undefined ? made(options, assumed) : await recorded(record, assumed);
  const functions = traffic.functions.map((each) => ({ ...each, ...limits.own }));
  const runs = (options.policy ?? ["none", "fixed:10m", "thaw"]).map(policyFor).map(({ name, make }) => {
    const retryMs = options.retry === undefined ? undefined : spanMs("--retry", options.retry);
    const world = { ...limits.world, functions, keepAlive: make(), retryMs, parts: chartWidth };
    const result = createSimulation({ world, calls: traffic.calls, endMs: traffic.endMs }).run();
    return { policy: name, ...result, cost: costOf(result) };
  });
  if (options.json) printJson({ functions: functions.length, policies: runs });
  else printPolicies(traffic, runs);
}

function limitsOf(options: SimulateOptions) {
  const any = { min: 1, max: 1_000_000_000 };
  const budgetMb = whole("--budget", options.budget, undefined, { ...any, unit: "MB" });
  const none = { ...any, min: 0 };
  return {
    world: {
      accountConcurrency: whole("--concurrency", options.concurrency, 1000, any)!,
      perTenSeconds: whole("--rate", options.rate, undefined, any),
      cpus: whole("--cpus", options.cpus, undefined, { min: 1, max: 4096 }),
      memoryBudgetBytes: budgetMb === undefined ? undefined : budgetMb * 2 ** 20,
    },
    own: {
      reserved: whole("--reserved", options.reserved, undefined, none),
      provisioned: whole("--provisioned", options.provisioned, undefined, none),
    },
  };
}

function whole(flag: string, text: string | undefined, otherwise: number | undefined, bounds: Bounds) {
  return text === undefined ? otherwise : wholeNumber(flag, text, bounds);
}
type Bounds = Parameters<typeof wholeNumber>[2];

function made(options: SimulateOptions, assumed: Parameters<typeof generatedTraffic>[1]): Traffic {
  const functions = whole("--functions", options.functions, 100, { min: 1, max: 100_000 })!;
  const days = whole("--days", options.days, 2, { min: 1, max: 365 })!;
  const seed = whole("--seed", options.seed, 1, { min: 0, max: 1_000_000 })!;
  return generatedTraffic({ seed, functions, days, callsADayAtMost: 300 }, assumed);
}

async function recorded(path: string, assumed: Parameters<typeof readTraffic>[1]): Promise<Traffic> {
  const text = (await readNamedFile("record", path)).toString("utf8");
  try {
    return readTraffic(text, assumed);
  } catch (error) {
    if (!(error instanceof UnreadableRecord)) throw error;
    throw new CommandFailure(`${path}: ${error.message}.`, { cause: error });
  }
}

function policyFor(text: string): NamedPolicy {
  try {
    return policyOf(text);
  } catch (error) {
    throw usageFailure(`--policy ${(error as Error).message}.`);
  }
}

function printBursts(counts: readonly number[], results: readonly SimulationResult[]): void {
  const head = [
    "AT ONCE",
    "ANSWERED",
    "COLD",
    "MOST AT ONCE",
    "TURNED AWAY",
    "WAIT P50",
    "P99",
    "LAST SERVED",
    "MISSION",
  ];
  const rows = results.map((result, index) => [
    counts[index]!,
    result.answered,
    result.coldStarts,
    result.peakRunning,
    throttledTimes(result),
    milliseconds(result.wait.p50),
    milliseconds(result.wait.p99),
    milliseconds(result.lastServedMs),
    mission[counts[index]!] === undefined ? "-" : milliseconds(mission[counts[index]!]!),
  ]);
  for (const line of table(head, rows)) print(line);
  const why = new Set(results.flatMap(({ throttles }) => Object.keys(throttles)));
  if (why.size > 0) print(styled("dim", `turned away: ${[...why].join(", ")}; those callers came again and again`));
}

function printPolicies(
  traffic: Traffic,
  runs: readonly (SimulationResult & { policy: string; cost: ReturnType<typeof costOf> })[],
): void {
  const hours = (traffic.endMs / 3600e3).toFixed(1);
  print(`${traffic.functions.length} functions, ${traffic.calls.length.toLocaleString("en")} calls in ${hours} h\n`);
  const head = [
    "POLICY",
    "COLD",
    "OF CALLS",
    "WAIT P50",
    "P99",
    "ENVIRONMENTS",
    "HELD READY",
    "WORTH",
    "PREWARMED",
    "TURNED AWAY",
    "AWS'S BILL",
  ];
  const rows = runs.map((run) => [
    run.policy,
    run.coldStarts,
    `${((100 * run.coldStarts) / Math.max(1, run.calls)).toFixed(2)} %`,
    milliseconds(run.wait.p50),
    milliseconds(run.wait.p99),
    run.peakEnvironments,
    `${(run.idleGbSeconds / 3600).toFixed(1)} GB h`,
    dollars(run.cost.heldReady),
    run.prewarms,
    throttledTimes(run),
    dollars(run.cost.bill),
  ]);
  for (const line of table(head, rows)) print(line);
  const width = Math.max(...runs.map(({ policy }) => policy.length));
  const most = {
    cold: Math.max(...runs.map(({ coldStarts }) => coldStarts)),
    held: Math.max(...runs.map(({ idleGbSeconds }) => idleGbSeconds)),
  };
  print(`\n${styled("bold", "cold starts")}`);
  for (const run of runs)
    print(`${run.policy.padEnd(width)}  ${bar(run.coldStarts, most.cold, chartWidth)} ${run.coldStarts}`);
  print(`\n${styled("bold", "memory held ready")}`);
  for (const run of runs) {
    print(
      `${run.policy.padEnd(width)}  ${bar(run.idleGbSeconds, most.held, chartWidth)} ${(run.idleGbSeconds / 3600).toFixed(1)} GB h`,
    );
  }
  const { course } = runs[0]!;
  print(`\n${styled("bold", "calls, and environments by policy, over time")}`);
  print(
    `${"calls".padEnd(width)}  ${columns(course.map(({ calls }) => calls))} at most ${Math.max(...course.map(({ calls }) => calls))}`,
  );
  for (const run of runs) {
    print(
      `${run.policy.padEnd(width)}  ${columns(run.course.map(({ environments }) => environments))} at most ${run.peakEnvironments}`,
    );
  }
}

function throttledTimes({ throttles }: SimulationResult): number {
  return Object.values(throttles).reduce((sum, times) => sum + times, 0);
}

function dollars(amount: number): string {
  return `$${amount.toFixed(amount < 1 ? 4 : 2)}`;
}
