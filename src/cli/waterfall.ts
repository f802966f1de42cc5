import type { Timing } from "../model/index.ts";
import { milliseconds, styledError } from "./output.ts";

export type { Timing };

/** Phases in the order in which they happen, with words for a newcomer. */
const phases = [
  ["admit", "admitted, limits checked"],
  ["place", "environment chosen"],
  ["sandbox", "sandbox made"],
  ["agent", "agent ready"],
  ["runtimeBoot", "runtime booted"],
  ["codeInit", "your code loaded"],
  ["restore", "copy of your initialised runtime woken"],
  ["hooks", "your afterRestore hooks ran"],
  ["handler", "your handler ran"],
  ["response", "answer sent"],
  ["unexplained", "not explained"],
] as const;

/** phases in which the function's own code runs */
const yours: ReadonlySet<string> = new Set(["codeInit", "hooks", "handler"]);

const starts: Record<Timing["start"], string> = {
  warm: "warm start",
  plain: "cold start",
  pool: "cold start from a prepared sandbox",
  restore: "restored from a snapshot",
  clone: "cloned from a snapshot",
};

/** A bar a phase, each beginning where the one before ended; phases that did not occur are left out. */
export function waterfall(timing: Timing, width = 40): string[] {
  const scale = timing.total > 0 ? width / timing.total : 0;
  const lines = [`${starts[timing.start] ?? timing.start}: ${milliseconds(timing.total)}`];
  let elapsed = 0;
  for (const [phase, words] of phases) {
    const ms = timing[phase];
    if (!(ms > 0)) continue;
    const from = Math.min(Math.round(elapsed * scale), width - 1);
    const to = Math.min(Math.max(Math.round((elapsed + ms) * scale), from + 1), width);
    const bar = `${" ".repeat(from)}${"█".repeat(to - from)}`.padEnd(width);
    const share = `${((ms / timing.total) * 100).toFixed(0)}%`.padStart(4);
    const colour = yours.has(phase) ? "green" : "cyan";
    lines.push(
      `  ${phase.padEnd(11)} ${milliseconds(ms).padStart(8)} ${share} ${styledError(colour, bar)} ${styledError("dim", words)}`,
    );
    elapsed += ms;
  }
  return lines;
}
