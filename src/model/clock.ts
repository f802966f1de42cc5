/**
 * One clock for every phase of a start: CLOCK_MONOTONIC in milliseconds, fractions kept, the same value that the
 * launcher, the agent and the runtimes' bootstraps report (`clock_gettime(2)`), so their marks can be subtracted.
 */
const origin = originOfPerformanceNow();

/** Milliseconds of CLOCK_MONOTONIC. */
export function monotonicMs(): number {
  return origin + performance.now();
}

/**
 * CLOCK_MONOTONIC at performance.now() = 0. Two clocks cannot be read at once, and between two readings this process may
 * lose the CPU for milliseconds: of many tries the one with the shortest time between its readings is right.
 */
function originOfPerformanceNow(): number {
  let best = 0;
  let shortest = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 50 && shortest > 0.001; attempt++) {
    const before = performance.now();
    const monotonic = Number(process.hrtime.bigint()) / 1e6;
    const between = performance.now() - before;
    if (between >= shortest) continue;
    shortest = between;
    best = monotonic - (before + between / 2);
  }
  return best;
}
