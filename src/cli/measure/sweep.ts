import { percentile } from "../../measure/index.ts";
import { usageFailure } from "../failure.ts";
import { milliseconds, styled, table } from "../output.ts";
import { wholeNumber } from "../settings.ts";
import { type Call, call, type Target } from "./call.ts";
import { type Copy, forced } from "./copy.ts";
import type { Progress } from "./run.ts";

/** What one memory size showed: medians in ms. */
export interface Size {
  readonly memoryMb: number;
  /** a forced cold start as its caller saw it, and its init */
  readonly coldMs?: number;
  readonly initMs?: number;
  /** a warm call as its caller saw it, its handler and its 95th percentile, and what is billed of it on average */
  readonly warmMs: number;
  readonly handlerMs: number;
  readonly p95Ms: number;
  readonly billedMs: number;
  /** the most memory a call used, MB; absent: not known */
  readonly usedMb?: number;
}

/** `128,512,1024`, or `all` for the usual ones. */
export function memorySizes(flag: string, text: string): number[] {
  if (text === "all") return [128, 256, 512, 1024, 1536, 2048, 3008];
  const sizes = text.split(",").map((each) => wholeNumber(flag, each.trim(), { min: 128, max: 10_240, unit: "MB" }));
  return [...new Set(sizes)].sort((a, b) => a - b);
}

/** The same calls with each amount of memory, on a copy. A size whose every call fails (too little memory) is left out; none left rejects. */
export async function sweep(
  target: Target,
  copy: Copy,
  plan: { readonly sizes: readonly number[]; readonly cold: number; readonly warm: number },
  progress: Progress,
): Promise<Size[]> {
  const subject = { ...target, name: copy.name, qualifier: undefined };
  const found: Size[] = [];
  let failure = "";
  for (const memoryMb of plan.sizes) {
    progress(`${memoryMb} MB`);
    const cold: Call[] = [];
    for (let n = 0; n < Math.max(1, plan.cold); n++) {
      await copy.change({ MemorySize: memoryMb, ...forced(copy.configuration, `${memoryMb}-${n}`) });
      cold.push(await call(subject));
    }
    const warm: Call[] = [];
    for (let n = 0; n < plan.warm; n++) warm.push(await call(subject));
    const size = sizeOf(memoryMb, cold, warm);
    if (size === undefined) failure = [...cold, ...warm].find((each) => each.failure)?.failure ?? failure;
    else found.push(size);
  }
  if (found.length === 0) {
    throw usageFailure(
      `No call succeeded with any of ${plan.sizes.join(", ")} MB: ${failure}`,
      "give a --payload that works",
    );
  }
  return found;
}

function sizeOf(memoryMb: number, cold: readonly Call[], warm: readonly Call[]): Size | undefined {
  const good = warm.filter((each) => each.failure === undefined && each.start === "warm");
  if (good.length === 0) return undefined;
  const goodCold = cold.filter((each) => each.failure === undefined);
  const inits = goodCold.flatMap((each) => each.initMs ?? []);
  const used = [...goodCold, ...good].flatMap((each) => each.usedMb ?? []);
  const handlers = good.map((each) => each.handlerMs ?? each.ms);
  const billed = good.map((each) => each.billedMs ?? Math.ceil(each.ms));
  return {
    memoryMb,
    ...(goodCold.length > 0 ? { coldMs: median(goodCold.map((each) => each.ms)) } : {}),
    ...(inits.length > 0 ? { initMs: median(inits) } : {}),
    warmMs: median(good.map((each) => each.ms)),
    handlerMs: median(handlers),
    p95Ms: percentile(handlers, 95),
    billedMs: billed.reduce((sum, ms) => sum + ms, 0) / billed.length,
    ...(used.length > 0 ? { usedMb: Math.max(...used) } : {}),
  };
}

const median = (samples: readonly number[]): number => percentile(samples, 50);

export function sweepText(sizes: readonly Size[]): string[] {
  const ms = (value: number | undefined): string => (value === undefined ? "–" : milliseconds(value));
  const rows = sizes.map((size) => [
    `${size.memoryMb} MB`,
    ms(size.coldMs),
    ms(size.initMs),
    ms(size.warmMs),
    ms(size.handlerMs),
    ms(size.p95Ms),
    size.usedMb === undefined ? "–" : `${size.usedMb} MB`,
  ]);
  return [
    "",
    styled("bold", "memory sweep, medians"),
    ...table(["memory", "cold", "init", "warm", "handler", "handler p95", "memory used"], rows),
  ];
}
