/**
 * Made-up traffic with the shape of real traffic: how often, how regularly and with how much memory functions run, after
 * the figures published for Azure Functions (Shahrad et al., "Serverless in the Wild", USENIX ATC 2020, section 3):
 *
 * - rates span eight orders of magnitude; 45 % of applications are called at most once an hour, 81 % at most once a minute
 * - the coefficient of variation of the gaps: about a fifth of the applications are as regular as a clock (timers), about
 *   two fifths vary more than random arrivals (CV > 1), the rest lie between
 * - allocated memory follows a Burr distribution (c 11.652, k 0.221, scale 107.083 MB): half take at most 140 MB
 *
 * What the paper gives only as a picture is an assumption here, named where it is made. The same seed makes the same trace.
 */

export type ArrivalKind = "timer" | "timers" | "random" | "bursty";

/** One function of a trace. */
export interface TracedFunction {
  readonly key: string;
  readonly kind: ArrivalKind;
  readonly memoryBytes: number;
  /** when it is called, milliseconds since the trace began, in order */
  readonly calls: Float64Array;
}

export interface TraceOptions {
  readonly seed: number;
  readonly functions: number;
  readonly days: number;
  /** Busier functions are called this often only: they are warm under every policy, and calls cost time. Default 1,440. */
  readonly callsADayAtMost?: number;
}

const minuteMs = 60e3;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** Average calls a day at quantiles of the functions; between them interpolated geometrically. The 0.2 quantile is an assumption. */
const rates: readonly (readonly [quantile: number, callsADay: number])[] = [
  [0, 0.1],
  [0.2, 2],
  [0.45, 24],
  [0.81, 1440],
  [1, 1e8],
];

/** Which share of the functions is called how (section 3.3 of the paper gives the borders 0 and 1 of the CV). */
const kinds: readonly (readonly [upTo: number, kind: ArrivalKind])[] = [
  [0.2, "timer"],
  [0.3, "timers"],
  [0.6, "random"],
  [1, "bursty"],
];

/** Periods that people give to timers. */
const periods = [1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 720, 1440, 7 * 1440].map((m) => m * minuteMs);

/** Makes a trace. Functions that happen not to be called are in it, with no calls. */
export function makeTrace(options: TraceOptions): TracedFunction[] {
  const { seed, functions, days, callsADayAtMost = 1440 } = options;
  const span = days * dayMs;
  return Array.from({ length: functions }, (_, index) => {
    const random = randomFrom(seed * 1_000_003 + index);
    const callsADay = Math.min(callsADayAtMost, rateAt(random()));
    const kind = kindAt(random());
    const memoryBytes = Math.min(1500, burr(random())) * 2 ** 20;
    const calls = arrivals[kind](random, dayMs / callsADay, span);
    return { key: `f${index}`, kind, memoryBytes, calls: Float64Array.from(calls).sort() };
  });
}

/** How each kind is called, given the mean gap wanted. Milliseconds. */
const arrivals: Readonly<Record<ArrivalKind, (random: () => number, meanGap: number, span: number) => number[]>> = {
  timer: (random, meanGap, span) => timer(random, nearestPeriod(meanGap), span),

  /** Two or three timers of one application, which together make a pattern of several gaps. */
  timers(random, meanGap, span) {
    const count = random() < 0.6 ? 2 : 3;
    const all: number[] = [];
    for (let index = 0; index < count; index++) all.push(...timer(random, nearestPeriod(meanGap * count), span));
    return all;
  },

  /** Random arrivals; half of these functions sleep at night. */
  random(random, meanGap, span) {
    const depth = random() < 0.5 ? 0.9 : 0;
    const calls: number[] = [];
    for (let at = exponential(random, meanGap); at < span; at += exponential(random, meanGap)) {
      if (random() >= depth * night(at)) calls.push(at);
    }
    return calls;
  },

  /** Sessions of several calls, by people or queues, with long and very uneven pauses between them. */
  bursty(random, meanGap, span) {
    const callsASession = 2 + Math.floor(random() * 18);
    const within = Math.min(meanGap / 4, 5e3 * 40 ** random());
    const pause = meanGap * callsASession;
    const calls: number[] = [];
    let at = exponential(random, pause);
    while (at < span) {
      const length = 1 + Math.floor(exponential(random, callsASession - 1));
      for (let call = 0; call < length && at < span; call++) {
        calls.push(at);
        at += exponential(random, within);
      }
      // Log-normal pauses (sigma 1): their mean is that of the exponential ones, their spread larger.
      at += pause * Math.exp(normal(random) - 0.5);
    }
    return calls.filter((call) => random() >= 0.9 * night(call));
  },
};

/** A timer with its phase, some milliseconds to seconds late each time, missing one call in 200. */
function timer(random: () => number, period: number, span: number): number[] {
  const calls: number[] = [];
  for (let at = random() * period; at < span; at += period) {
    if (random() >= 0.005) calls.push(at + exponential(random, 500));
  }
  return calls;
}

/** 0 at day to 1 in the middle of the night. */
function night(at: number): number {
  return (1 + Math.cos((2 * Math.PI * at) / dayMs)) / 2;
}

function rateAt(quantile: number): number {
  const above = rates.findIndex(([at]) => at >= quantile);
  const [[from, low], [to, high]] = [rates[Math.max(0, above - 1)]!, rates[above]!];
  return to === from ? high : low * (high / low) ** ((quantile - from) / (to - from));
}

function kindAt(quantile: number): ArrivalKind {
  return kinds.find(([upTo]) => quantile <= upTo)![1];
}

function nearestPeriod(gap: number): number {
  return periods.reduce((best, each) =>
    Math.abs(Math.log(each / gap)) < Math.abs(Math.log(best / gap)) ? each : best,
  );
}

/** Megabytes at a quantile. */
function burr(quantile: number): number {
  const [c, k, scale] = [11.652, 0.221, 107.083];
  return scale * ((1 - quantile) ** (-1 / k) - 1) ** (1 / c);
}

function exponential(random: () => number, mean: number): number {
  return -mean * Math.log(1 - random());
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Numbers in [0, 1) from a seed: a 32-bit Weyl sequence through a multiplicative mixer (the finaliser of MurmurHash3). */
export function randomFrom(seed: number): () => number {
  let state = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}
