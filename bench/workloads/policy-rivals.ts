import type { Between, ReplayPolicy, TracedFunction } from "../../src/capacity/index.ts";

const minuteMs = 60e3;
/** one-minute bins up to four hours, as in the paper */
const bins = 240;

interface History {
  readonly counts: Float64Array;
  inRange: number;
  outOfRange: number;
  readonly latest: number[];
}

/**
 * The hybrid histogram policy of Shahrad et al. ("Serverless in the Wild", USENIX ATC 2020, section 4), with the paper's
 * numbers: from the 5th percentile of the gaps less a tenth to the 99th and a tenth more where the histogram says something
 * (the coefficient of variation of its bins is at least 2), four hours where it does not. Gaps that are mostly longer than
 * the histogram are foretold as the mean of the latest ten, give or take 15 %, in place of the paper's ARIMA model.
 */
export function hybridHistogramPolicy(): ReplayPolicy {
  const histories = new Map<TracedFunction, History>();
  const last = new Map<TracedFunction, number>();
  return {
    name: "hybrid histogram",
    between: (each, lastMs, nextMs) => covered(windowOf(histories.get(each)), nextMs - lastMs),
    called(each, atMs) {
      const before = last.get(each);
      last.set(each, atMs);
      if (before === undefined) return;
      let history = histories.get(each);
      if (!history) {
        history = { counts: new Float64Array(bins), inRange: 0, outOfRange: 0, latest: [] };
        histories.set(each, history);
      }
      const gap = atMs - before;
      const bin = Math.floor(gap / minuteMs);
      if (bin < bins) {
        history.counts[bin]! += 1;
        history.inRange++;
      } else history.outOfRange++;
      history.latest.push(gap);
      if (history.latest.length > 10) history.latest.shift();
    },
  };
}

/** When an environment is there, milliseconds after a call. */
function windowOf(history: History | undefined): readonly [from: number, to: number] {
  const standard = [0, bins * minuteMs] as const;
  if (!history) return standard;
  const { counts, inRange, outOfRange, latest } = history;
  if (outOfRange > inRange) {
    const mean = latest.reduce((sum, gap) => sum + gap, 0) / latest.length;
    return [0.85 * mean, 1.15 * mean];
  }
  const mean = inRange / bins;
  const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / bins;
  if (Math.sqrt(variance) / mean < 2) return standard;
  const head = Math.floor(percentile(counts, inRange, 0.05));
  const tail = percentile(counts, inRange, 0.99) + 1;
  return [head * minuteMs * 0.9, tail * minuteMs * 1.1];
}

/** The bin in which a share of the gaps is reached. */
function percentile(counts: Float64Array, total: number, share: number): number {
  let sum = 0;
  const bin = counts.findIndex((count) => {
    sum += count;
    return sum >= share * total;
  });
  return Math.max(0, bin);
}

/** An environment that is there from the first to the second time of `window` in a gap. */
function covered([from, to]: readonly [number, number], gap: number): Between {
  return {
    warmMs: Math.max(0, Math.min(gap, to) - from),
    warmAtEnd: gap >= from && gap <= to,
    prewarms: from > 0 && gap > from ? 1 : 0,
  };
}
