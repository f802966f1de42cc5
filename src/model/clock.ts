/**
 * One clock for every phase of a start: CLOCK_MONOTONIC in milliseconds, fractions kept, the same value that the
 * launcher, the agent and the runtimes' bootstraps report (`clock_gettime(2)`), so their marks can be subtracted.
 */
// The first call of performance.now() initialises it, which takes milliseconds: not between the two readings.
performance.now();
const origin = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Milliseconds of CLOCK_MONOTONIC. */
export function monotonicMs(): number {
  return origin + performance.now();
}
