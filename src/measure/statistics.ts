/** Order statistics of small samples, and how far they can be trusted. Pure. */

/** What a list of samples says, in the samples' own unit. `low` and `high` bound the median with 95 % confidence. */
export interface Summary {
  readonly count: number;
  readonly min: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  readonly mean: number;
  /** sample standard deviation; 0 of one sample */
  readonly deviation: number;
  readonly low: number;
  readonly high: number;
}

/** A ratio or difference of two medians with its 95 % confidence interval. */
export interface Ratio {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Percentile with linear interpolation between the two nearest ranks (type 7 of Hyndman and Fan 1996, as NumPy and the
 * mission's tester do). `p` is 0 … 100; an empty list throws RangeError.
 */
export function percentile(samples: readonly number[], p: number): number {
  return ofSorted(
    [...samples].sort((a, b) => a - b),
    p,
  );
}

function ofSorted(sorted: readonly number[], p: number): number {
  if (sorted.length === 0) throw new RangeError("percentile of no samples");
  if (!(p >= 0 && p <= 100)) throw new RangeError(`percentile ${p} is outside 0 … 100`);
  const rank = (p / 100) * (sorted.length - 1);
  const below = Math.floor(rank);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (sorted[above]! - sorted[below]!) * (rank - below);
}

/** Summary of at least one sample. */
export function summarize(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((a, b) => a - b);
  const medians = resampledMedians(sorted, 1).sort((a, b) => a - b);
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  const squares = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    count: sorted.length,
    min: sorted[0]!,
    p50: ofSorted(sorted, 50),
    p95: ofSorted(sorted, 95),
    p99: ofSorted(sorted, 99),
    max: sorted.at(-1)!,
    mean,
    deviation: sorted.length > 1 ? Math.sqrt(squares / (sorted.length - 1)) : 0,
    low: ofSorted(medians, 2.5),
    high: ofSorted(medians, 97.5),
  };
}

/** Median of `subject` over median of `baseline`, with a percentile bootstrap of both sides (Efron 1979). */
export function ratioOfMedians(subject: readonly number[], baseline: readonly number[]): Ratio {
  const above = resampledMedians(subject, 1);
  const below = resampledMedians(baseline, 2);
  // both lists come in the order they were drawn, so pairing them by position pairs independent draws
  const ratios = above.map((median, i) => median / below[i]!).sort((a, b) => a - b);
  return {
    value: percentile(subject, 50) / percentile(baseline, 50),
    low: ofSorted(ratios, 2.5),
    high: ofSorted(ratios, 97.5),
  };
}

/** Median of `subject` minus median of `baseline`, in the samples' unit, with the same bootstrap. */
export function differenceOfMedians(subject: readonly number[], baseline: readonly number[]): Ratio {
  const below = resampledMedians(baseline, 2);
  const differences = resampledMedians(subject, 1)
    .map((median, i) => median - below[i]!)
    .sort((a, b) => a - b);
  return {
    value: percentile(subject, 50) - percentile(baseline, 50),
    low: ofSorted(differences, 2.5),
    high: ofSorted(differences, 97.5),
  };
}

const resamples = 1000;

/** Medians of `resamples` draws with replacement, in the order drawn. Seeded, so that one run's numbers always give the same report. */
function resampledMedians(samples: readonly number[], seed: number): number[] {
  const random = mulberry32(seed);
  const medians: number[] = [];
  const draw = new Float64Array(samples.length);
  for (let n = 0; n < resamples; n++) {
    for (let i = 0; i < draw.length; i++) draw[i] = samples[Math.floor(random() * samples.length)]!;
    draw.sort();
    medians.push((draw[(draw.length - 1) >> 1]! + draw[draw.length >> 1]!) / 2);
  }
  return medians;
}

/** A small seeded generator of numbers in [0, 1): Tommy Ettinger's mulberry32, public domain. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
