import { createKeepAlive } from "./keep-alive.ts";
import type { TracedFunction } from "./trace.ts";

/** What a policy did with a trace. */
export interface ReplayResult {
  readonly policy: string;
  readonly calls: number;
  readonly coldStarts: number;
  /** memory of environments while they served nobody, times how long, until the trace ended */
  readonly idleGbSeconds: number;
  /** environments started before somebody called */
  readonly prewarms: number;
}

/**
 * One call at a time, in the order of the trace; calls take no time and a function has one environment at most, as in the
 * simulator of the paper the trace is after. Time is that of the trace.
 */
export interface ReplayPolicy {
  readonly name: string;
  /** The environment between two calls of a function; asked once the second came (or the trace ended, `nextMs`). */
  between(each: TracedFunction, lastMs: number, nextMs: number): Between;
  /** A call came (asked after `between`). */
  called?(each: TracedFunction, atMs: number): void;
}

export interface Between {
  /** how long an environment was there, milliseconds */
  readonly warmMs: number;
  /** was one there at the end? */
  readonly warmAtEnd: boolean;
  readonly prewarms: number;
}

/** Runs a trace through a policy. The first call of each function is a cold start under every policy. */
export function replay(trace: readonly TracedFunction[], endMs: number, policy: ReplayPolicy): ReplayResult {
  let calls = 0;
  let coldStarts = 0;
  let byteMs = 0;
  let prewarms = 0;
  const last = new Map<TracedFunction, number>();
  const account = (each: TracedFunction, untilMs: number): boolean => {
    const lastMs = last.get(each);
    if (lastMs === undefined) return false;
    const gap = policy.between(each, lastMs, untilMs);
    byteMs += gap.warmMs * each.memoryBytes;
    prewarms += gap.prewarms;
    return gap.warmAtEnd;
  };
  for (const { each, atMs } of inOrder(trace)) {
    calls++;
    if (!account(each, atMs)) coldStarts++;
    policy.called?.(each, atMs);
    last.set(each, atMs);
  }
  for (const each of trace) account(each, endMs);
  return { policy: policy.name, calls, coldStarts, idleGbSeconds: byteMs / 1000 / 2 ** 30, prewarms };
}

/** Every environment stays for the same time after each call. */
export function fixedPolicy(keepAliveMs: number): ReplayPolicy {
  return {
    name: `fixed ${keepAliveMs / 60e3} min`,
    between: (_, lastMs, nextMs) => ({
      warmMs: Math.min(keepAliveMs, nextMs - lastMs),
      warmAtEnd: nextMs - lastMs <= keepAliveMs,
      prewarms: 0,
    }),
  };
}

/** The policy of this platform, by the interface that the platform uses, asked at every moment at which its answer changes. */
export function predictivePolicy(keepAliveMs: number): ReplayPolicy {
  const keepAlive = createKeepAlive({ keepAliveMs });
  return {
    name: `predictive ${keepAliveMs / 60e3} min`,
    between(each, lastMs, nextMs) {
      let warmMs = 0;
      let prewarms = 0;
      let at = lastMs;
      for (;;) {
        const { keepUntilMs, prewarmAtMs } = keepAlive.plan(each.key, at);
        warmMs += Math.min(keepUntilMs, nextMs) - at;
        if (keepUntilMs >= nextMs) return { warmMs, warmAtEnd: true, prewarms };
        if (prewarmAtMs === undefined || prewarmAtMs >= nextMs) return { warmMs, warmAtEnd: false, prewarms };
        prewarms++;
        at = prewarmAtMs;
      }
    },
    called: (each, atMs) => keepAlive.observe(each.key, atMs, { startMs: 100, memoryBytes: each.memoryBytes }),
  };
}

/**
 * Who knows every call in advance, but as any cache can keep only what is there: of all gaps between calls it holds through
 * the cheapest, until `gbSeconds` are spent. No policy that does not start environments of its own accord has fewer cold
 * starts for that memory. (With starts of its own accord, who knows the future has none at all and needs no memory.)
 */
export function clairvoyantColdStarts(trace: readonly TracedFunction[], gbSeconds: number): number {
  const costs: number[] = [];
  let coldStarts = 0;
  for (const { calls, memoryBytes } of trace) {
    if (calls.length > 0) coldStarts++;
    for (let index = 1; index < calls.length; index++) {
      costs.push(((calls[index]! - calls[index - 1]!) / 1000) * (memoryBytes / 2 ** 30));
    }
  }
  costs.sort((a, b) => a - b);
  let left = gbSeconds;
  const held = costs.findIndex((cost) => {
    left -= cost;
    return left < 0;
  });
  return coldStarts + (held < 0 ? 0 : costs.length - held);
}

/** All calls of a trace as they follow each other. */
function inOrder(trace: readonly TracedFunction[]): { each: TracedFunction; atMs: number }[] {
  return trace.flatMap((each) => Array.from(each.calls, (atMs) => ({ each, atMs }))).sort((a, b) => a.atMs - b.atMs);
}
