import { percentile } from "../../measure/index.ts";
import { createSimulation, policyOf } from "../../simulate/index.ts";
import { type PastCall, utilization } from "./history.ts";
import { breakEven, costOfCall, type Prices } from "./prices.ts";
import type { Size } from "./sweep.ts";

/** A size with what a call of it costs, US dollars. */
export interface PricedSize extends Size {
  readonly callCost: number;
}

/** Which of the sizes measured is the fastest, which the cheapest, which the best of both. */
export interface Power {
  readonly sizes: readonly PricedSize[];
  readonly fastest: number;
  readonly cheapest: number;
  readonly balanced: number;
}

/**
 * Prices what was measured. The balance weighs a call's cost and its handler's time, each as a share of the worst of
 * them: `weight` 1 looks at cost only, 0 at time only. Ties go to less memory.
 */
export function power(sizes: readonly Size[], prices: Prices, weight: number): Power {
  const priced = sizes.map((size) => ({ ...size, callCost: costOfCall(prices, size.memoryMb, size.billedMs) }));
  const slowest = Math.max(...priced.map((size) => size.handlerMs));
  const dearest = Math.max(...priced.map((size) => size.callCost));
  const least = (score: (size: PricedSize) => number): number =>
    priced.reduce((best, size) => (score(size) < score(best) ? size : best)).memoryMb;
  return {
    sizes: priced,
    fastest: least((size) => size.handlerMs),
    cheapest: least((size) => size.callCost),
    balanced: least((size) => weight * (size.callCost / dearest) + (1 - weight) * (size.handlerMs / slowest)),
  };
}

export interface Provisioned {
  /** share of the time that an environment must be running to pay for itself */
  readonly breakEven: number;
  /** calls a second at which one environment is that busy, by the measured time of a call; absent: no number of calls is enough */
  readonly callsPerSecond?: number;
  /** of the history: how busy the first, second, third … environment was, 0 … 1 */
  readonly busy: readonly number[];
  /** how many environments would have paid for themselves */
  readonly worth: number;
}

export function provisioned(prices: Prices, handlerMs: number, busy: readonly number[]): Provisioned {
  const share = breakEven(prices);
  return {
    breakEven: share,
    ...(share <= 1 ? { callsPerSecond: (share * 1000) / handlerMs } : {}),
    busy,
    worth: busy.filter((each) => each >= share).length,
  };
}

/** What a keep-alive policy would have done with a function's own past. */
export interface Kept {
  readonly policy: string;
  readonly calls: number;
  readonly coldStarts: number;
  readonly prewarms: number;
  /** memory held by environments that served nobody, GB × s */
  readonly idleGbSeconds: number;
}

export interface KeepAliveAdvice {
  readonly policies: readonly Kept[];
  /** the least memory held among those with (within 5 % of all calls' starts) the fewest cold starts */
  readonly best: string;
}

/** Runs the past through the scheduler's own decisions, once for each policy. */
export function keepAlive(
  calls: readonly PastCall[],
  about: { readonly memoryMb: number; readonly usedMb: number; readonly startMs: number; readonly untilMs: number },
  names: readonly string[] = ["none", "fixed:1m", "fixed:10m", "fixed:1h", "thaw:1m", "thaw:10m", "thaw:1h"],
): KeepAliveAdvice {
  const from = calls[0]?.atMs ?? about.untilMs;
  const { memoryMb, usedMb, startMs } = about;
  const functions = [{ name: "it", memoryMb, idleBytes: usedMb * 2 ** 20, startMs }];
  const coming = calls.map(({ atMs, runMs }) => ({ atMs: atMs - from, of: 0, runMs }));
  const policies = names.map((policy) => {
    const world = { functions, accountConcurrency: 100_000, keepAlive: policyOf(policy).make() };
    const result = createSimulation({ world, calls: coming, endMs: about.untilMs - from }).run();
    const { coldStarts, prewarms, idleGbSeconds } = result;
    return { policy, calls: result.calls, coldStarts, prewarms, idleGbSeconds };
  });
  const fewest = Math.min(...policies.map((each) => each.coldStarts));
  const good = policies.filter((each) => each.coldStarts <= fewest * 1.05);
  const best = good.reduce((one, other) => (other.idleGbSeconds < one.idleGbSeconds ? other : one));
  return { policies, best: best.policy };
}

/** How busy each environment was over the time from the first call until now. */
export const busyOf = (calls: readonly PastCall[], untilMs: number): number[] =>
  calls.length === 0 ? [] : utilization(calls, calls[0]!.atMs, untilMs);

/** Median start of the past, ms; undefined: none was seen. */
export function startOf(calls: readonly PastCall[]): number | undefined {
  const inits = calls.flatMap((call) => call.initMs ?? []);
  return inits.length === 0 ? undefined : percentile(inits, 50);
}
