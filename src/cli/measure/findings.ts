import {
  differenceOfMedians,
  percentile,
  type Ratio,
  ratioOfMedians,
  type Summary,
  summarize,
} from "../../measure/index.ts";
import type { Call } from "./call.ts";

/** What one way of calling one function showed; times in ms. */
export interface Finding {
  /** function, with its qualifier */
  readonly subject: string;
  /** `cold`, `warm`, `burst of 10`, `50 a second` */
  readonly kind: string;
  /** as the caller saw it; absent: no call succeeded */
  readonly latency?: Summary;
  /** as the REPORT lines say it: the handler, and (of cold starts) the init */
  readonly handler?: Summary;
  readonly init?: Summary;
  /** how many calls began how: { warm: 98, restore: 2 } */
  readonly starts: Readonly<Record<string, number>>;
  /** how many failed why */
  readonly failures: Readonly<Record<string, number>>;
  /** latencies of the calls that succeeded, in the order they were made */
  readonly samples: readonly number[];
}

/** Two subjects' latencies of the same kind: the second against the first, each with a 95 % confidence interval. */
export interface Comparison {
  readonly kind: string;
  readonly subject: string;
  readonly against: string;
  /** ms */
  readonly difference: Ratio;
  readonly ratio: Ratio;
  /** undefined: no difference that these samples could tell */
  readonly verdict: "slower" | "faster" | undefined;
}

/** Of calls that were to be `warm`, those that had to start an environment are told of, but are no samples. */
export function finding(subject: string, kind: string, calls: readonly Call[]): Finding {
  const answered = calls.filter((call) => call.failure === undefined);
  const good = kind === "warm" ? answered.filter((call) => call.start === "warm") : answered;
  const samples = good.map((call) => call.ms);
  const handler = good.flatMap((call) => call.handlerMs ?? []);
  const init = good.flatMap((call) => call.initMs ?? []);
  return {
    subject,
    kind,
    ...(samples.length > 0 ? { latency: summarize(samples) } : {}),
    ...(handler.length > 0 ? { handler: summarize(handler) } : {}),
    ...(init.length > 0 ? { init: summarize(init) } : {}),
    starts: counted(answered.map((call) => call.start)),
    failures: counted(calls.flatMap((call) => call.failure ?? [])),
    samples,
  };
}

/** `subject` set beside `against`; undefined when either has no samples. The verdict is the interval's: it must leave zero out. */
export function compare(subject: Finding, against: Finding): Comparison | undefined {
  if (subject.samples.length === 0 || against.samples.length === 0) return undefined;
  const difference = differenceOfMedians(subject.samples, against.samples);
  const verdict = difference.low > 0 ? "slower" : difference.high < 0 ? "faster" : undefined;
  const ratio = ratioOfMedians(subject.samples, against.samples);
  return { kind: subject.kind, subject: subject.subject, against: against.subject, difference, ratio, verdict };
}

/** One bar of a histogram: how many samples lie from `from` up to `to` ms. */
export interface Bin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Equal bins, few for few samples. Of 50 and more, what lies beyond the 98th percentile is one bin, so that a straggler does not flatten the rest. */
export function bins(samples: readonly number[], atMost = 12): Bin[] {
  const count = Math.min(atMost, Math.ceil(Math.sqrt(samples.length) * 1.5));
  const min = percentile(samples, 0);
  const max = percentile(samples, 100);
  const most = samples.length < 50 ? max : percentile(samples, 98);
  const width = (most - min) / count;
  if (!(width > 0)) return [{ from: min, to: max, count: samples.length }];
  const counts = new Array<number>(count).fill(0);
  let beyond = 0;
  for (const sample of samples) {
    if (sample > most) beyond += 1;
    else counts[Math.min(count - 1, Math.floor((sample - min) / width))]! += 1;
  }
  const found = counts.map((each, i) => ({ from: min + i * width, to: min + (i + 1) * width, count: each }));
  return beyond === 0 ? found : [...found, { from: most, to: max, count: beyond }];
}

function counted(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
