/**
 * What is kept of all values of one metric in one minute, five minutes or an hour: enough for CloudWatch's statistics.
 * Percentiles come from logarithmic buckets, 2 % wide, so that they are at most 1 % off, however many values there were.
 */
export interface Sketch {
  /** weights: one a value, unless it was told to stand for many */
  count: number;
  sum: number;
  min: number;
  max: number;
  /** weight by bucket; empty: only the four above are known (what came as a StatisticSet) */
  readonly buckets: Map<number, number>;
}

export const newSketch = (): Sketch => ({
  count: 0,
  sum: 0,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
  buckets: new Map(),
});

const growth = Math.log(1.02);
/** Below this distance from zero, values are zero. */
const smallest = 1e-6;
/** Buckets of positive values are above it, those of negative ones below its negation; zero's is 0. */
const offset = 1_000_000;

/** Which bucket a value falls into. Costs one logarithm. */
export function bucketOf(value: number): number {
  const size = Math.abs(value);
  if (size < smallest) return 0;
  const bucket = offset + Math.ceil(Math.log(size) / growth);
  return value > 0 ? bucket : -bucket;
}

/** The middle of a bucket. */
function middleOf(bucket: number): number {
  if (bucket === 0) return 0;
  const size = Math.exp((Math.abs(bucket) - offset - 0.5) * growth);
  return bucket > 0 ? size : -size;
}

/** Adds a value that occurred `weight` times. */
export function addValue(sketch: Sketch, value: number, weight = 1): void {
  addSet(sketch, { count: weight, sum: value * weight, min: value, max: value });
  const bucket = bucketOf(value);
  sketch.buckets.set(bucket, (sketch.buckets.get(bucket) ?? 0) + weight);
}

/** Adds values of which only these are known; percentiles then know of the others only. */
export function addSet(sketch: Sketch, set: Pick<Sketch, "count" | "sum" | "min" | "max">): void {
  sketch.count += set.count;
  sketch.sum += set.sum;
  if (set.min < sketch.min) sketch.min = set.min;
  if (set.max > sketch.max) sketch.max = set.max;
}

/** Adds all that another has seen. */
export function merge(into: Sketch, from: Sketch): void {
  addSet(into, from);
  for (const [bucket, weight] of from.buckets) into.buckets.set(bucket, (into.buckets.get(bucket) ?? 0) + weight);
}

/** The buckets in the order of their values. */
export const sorted = (sketch: Sketch): [bucket: number, weight: number][] =>
  [...sketch.buckets].sort(([one], [other]) => one - other);

/**
 * The value that a share (0 to 1) of all values is not above. Undefined when nothing is known but sums, unless all values
 * were the same one. Source: CloudWatch User Guide, "Percentiles".
 */
export function quantile(sketch: Sketch, share: number): number | undefined {
  if (sketch.count === 0) return undefined;
  if (sketch.min === sketch.max) return sketch.min;
  const buckets = sorted(sketch);
  const known = buckets.reduce((sum, [, weight]) => sum + weight, 0);
  if (known === 0) return undefined;
  if (share <= 0) return sketch.min;
  if (share >= 1) return sketch.max;
  const goal = share * known;
  let seen = 0;
  for (const [bucket, weight] of buckets) {
    seen += weight;
    // What a sum of fractions lacks must not lead to the next bucket.
    if (seen >= goal - 1e-9 * known) return clamp(sketch, middleOf(bucket));
  }
  return sketch.max;
}

/** Weight and sum of values within bounds, both inclusive, as far as buckets tell. */
export function between(sketch: Sketch, low: number, high: number): { count: number; sum: number } {
  let count = 0;
  let sum = 0;
  for (const [bucket, weight] of sketch.buckets) {
    const value = clamp(sketch, middleOf(bucket));
    if (value < low || value > high) continue;
    count += weight;
    sum += value * weight;
  }
  return { count, sum };
}

/** The middle of a bucket, but never outside of what was seen. */
const clamp = ({ min, max }: Sketch, value: number): number => Math.min(max, Math.max(min, value));

/** The buckets as bytes: each its number (4 bytes) and its weight (8), little-endian. */
export function encodeBuckets(sketch: Sketch): Uint8Array {
  const entries = sorted(sketch);
  const bytes = Buffer.alloc(entries.length * 12);
  entries.forEach(([bucket, weight], index) => {
    bytes.writeInt32LE(bucket, index * 12);
    bytes.writeDoubleLE(weight, index * 12 + 4);
  });
  return bytes;
}

export function decodeBuckets(bytes: Uint8Array): Map<number, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const buckets = new Map<number, number>();
  for (let at = 0; at + 12 <= bytes.byteLength; at += 12) {
    buckets.set(view.getInt32(at, true), view.getFloat64(at + 4, true));
  }
  return buckets;
}
