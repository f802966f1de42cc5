import { between, quantile, type Sketch } from "../../../observe/index.ts";

/** One number of all values of a period; undefined: it is not known. */
export type Statistic = (sketch: Sketch) => number | undefined;

const simple: Readonly<Record<string, Statistic>> = {
  SampleCount: ({ count }) => count,
  Sum: ({ sum }) => sum,
  Average: ({ sum, count }) => (count === 0 ? undefined : sum / count),
  Minimum: ({ min }) => min,
  Maximum: ({ max }) => max,
  IQM: (sketch) => trimmed(sketch, 0.25, 0.75).mean,
};

/**
 * What a statistic's name asks for: `Sum`, `p99.9`, `tm90`, `TM(10%:90%)`, `PR(:300)` … Undefined: no such statistic. Source:
 * CloudWatch User Guide, "CloudWatch statistics definitions".
 */
export function statisticOf(name: string): Statistic | undefined {
  if (Object.hasOwn(simple, name)) return simple[name];
  const short = /^(p|tm|wm|tc|ts)(\d{1,2}(?:\.\d{1,10})?|100)$/.exec(name);
  if (short !== null) return parted(short[1]!, 0, Number(short[2]) / 100);
  const long = /^(TM|WM|TC|TS|PR)\((-?[\d.]+%?)?:(-?[\d.]+%?)?\)$/.exec(name);
  if (long === null || (long[2] === undefined && long[3] === undefined)) return undefined;
  const [, kind = "", low, high] = long;
  if ([low, high].some((one) => one?.endsWith("%"))) {
    if (kind === "PR") return undefined;
    return parted(kind.toLowerCase(), low === undefined ? 0 : part(low), high === undefined ? 1 : part(high));
  }
  const from = low === undefined ? Number.NEGATIVE_INFINITY : Number(low);
  const to = high === undefined ? Number.POSITIVE_INFINITY : Number(high);
  if (Number.isNaN(from) || Number.isNaN(to)) return undefined;
  return bounded(kind, from, to);
}

const part = (text: string): number => Number.parseFloat(text) / 100;

function parted(kind: string, low: number, high: number): Statistic {
  return (sketch) => {
    if (kind === "p") return quantile(sketch, high);
    const { count, sum, mean } = trimmed(sketch, low, high);
    if (kind === "tm") return mean;
    if (kind === "tc") return count;
    if (kind === "ts") return sum;
    const [least, most] = [quantile(sketch, low), quantile(sketch, high)];
    if (least === undefined || most === undefined) return undefined;
    // Winsorized: what is beyond counts as what is just within.
    return ((sum ?? 0) + sketch.count * (low * least + (1 - high) * most)) / sketch.count;
  };
}

/** Of the values between two shares of all. */
function trimmed(sketch: Sketch, low: number, high: number): { count?: number; sum?: number; mean?: number } {
  const steps = 1000;
  if (sketch.buckets.size === 0 && sketch.min !== sketch.max) return {};
  const values = Array.from({ length: steps }, (_, at) => quantile(sketch, low + ((high - low) * (at + 0.5)) / steps));
  const mean = values.reduce<number>((sum, value) => sum + (value ?? 0), 0) / steps;
  const count = sketch.count * (high - low);
  return { count, sum: mean * count, mean };
}

function bounded(kind: string, low: number, high: number): Statistic {
  return (sketch) => {
    if (sketch.count === 0 || (sketch.buckets.size === 0 && sketch.min !== sketch.max)) return undefined;
    const { count, sum } = between(sketch, low, high);
    if (kind === "TC") return count;
    if (kind === "TS") return sum;
    if (kind === "PR") return (count / sketch.count) * 100;
    if (kind === "TM") return count === 0 ? undefined : sum / count;
    const below = between(sketch, Number.NEGATIVE_INFINITY, low).count;
    const above = between(sketch, high, Number.POSITIVE_INFINITY).count;
    const ends = (below > 0 ? below * low : 0) + (above > 0 ? above * high : 0);
    return (sum + ends) / (count + below + above);
  };
}
