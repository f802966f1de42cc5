/**
 * A histogram of durations with logarithmic buckets, 2 % wide (so a percentile is at most 1 % off), from 0.01 ms up to
 * about 17 minutes. Recording costs one logarithm and one increment.
 */
export interface Histogram {
  record(ms: number): void;
  summary(): Summary;
}

/** Milliseconds. */
export interface Summary {
  readonly count: number;
  readonly mean: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

const lowest = 0.01;
const growth = Math.log(1.02);
const buckets = Math.ceil(Math.log(1024 * 1024 * 100) / growth) + 1;

export function createHistogram(): Histogram {
  const counts = new Uint32Array(buckets);
  let count = 0;
  let sum = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = 0;

  const percentile = (share: number): number => {
    const goal = Math.max(1, Math.ceil(share * count));
    let seen = 0;
    for (let bucket = 0; bucket < buckets; bucket++) {
      seen += counts[bucket]!;
      // The middle of the bucket, but never outside of what was seen.
      if (seen >= goal) return Math.min(max, Math.max(min, lowest * Math.exp((bucket - 0.5) * growth)));
    }
    return max;
  };

  return {
    record(ms) {
      counts[bucketOf(ms)]!++;
      count++;
      sum += ms;
      if (ms < min) min = ms;
      if (ms > max) max = ms;
    },
    summary: () => ({
      count,
      mean: count === 0 ? 0 : sum / count,
      min: count === 0 ? 0 : min,
      p50: percentile(0.5),
      p90: percentile(0.9),
      p99: percentile(0.99),
      p999: percentile(0.999),
      max,
    }),
  };
}

/** Bucket 0 holds everything up to `lowest`; bucket n what lies between lowest·1.02^(n-1) and lowest·1.02^n. */
function bucketOf(ms: number): number {
  if (!(ms > lowest)) return 0;
  return Math.min(buckets - 1, Math.ceil(Math.log(ms / lowest) / growth));
}
