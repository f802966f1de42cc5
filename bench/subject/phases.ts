import { percentile } from "../../src/measure/index.ts";
import type { Timing } from "../../src/model/index.ts";

/** Phases of a start in the order they happen. */
export const phaseNames = [
  "admit",
  "place",
  "sandbox",
  "agent",
  "runtimeBoot",
  "codeInit",
  "restore",
  "hooks",
  "handler",
  "response",
  "unexplained",
  "total",
] as const;

/** Median of every phase, ms. */
export function medianPhases(timings: readonly Timing[]): Record<string, number> {
  return Object.fromEntries(
    phaseNames.map((name) => [
      name,
      percentile(
        timings.map((timing) => timing[name]),
        50,
      ),
    ]),
  );
}

/** Largest share of a start that no phase accounts for, 0 … 1, as the median over the starts. */
export function unexplainedShare(timings: readonly Timing[]): number {
  return percentile(
    timings.map((timing) => Math.abs(timing.unexplained) / timing.total),
    50,
  );
}
