/**
 * When will a function be called again? What its past says, in a few hundred bytes: a distribution of the time from one
 * call to the next ("gap"), as a blend of two views.
 *
 * - *broad*: a histogram of 37 logarithmic bins (a factor of √2 each, one second to two days), over what functions in
 *   general do. It describes bursts, people and random arrivals.
 * - *exact*: narrow windows around the latest gaps. It describes timers, with any period and several at once.
 *
 * The hybrid histogram of Shahrad et al. ("Serverless in the Wild", USENIX ATC 2020) asks the coefficient of variation
 * whether its histogram is of use, and a time series model where gaps are longer than the histogram. Here the two views
 * are judged by how well each foretold the gaps that came (Bayesian model averaging): one rule for all, and the gaps of a
 * daily timer need no other model than those of a minutely one.
 */

/** Gaps beyond this are "not again": nothing is kept or prepared for them. Milliseconds. */
export const horizonMs = 48 * 3600e3;

/** upper edges of the broad bins, milliseconds; the last bin is "not again" */
const edges: readonly number[] = [...Array(36)].map((_, index) => Math.min(1000 * 2 ** (index / 2), horizonMs));
const bins = edges.length + 1;
/** how many of the latest gaps the exact view remembers */
const remembered = 16;
/** gaps the broad view rests on before older ones fade */
const broadMemory = 64;
/** how many gaps of its own outweigh what functions in general do */
const priorWeight = 2;
/** a timer's next gap may differ by this from an earlier one, milliseconds: it is called late now and then */
const narrowestMs = 2000;
/** share of the exact view that stays with the broad one, so that a surprise is never impossible */
const surprise = 0.05;

/** What is known of one function's calls. */
export interface Arrivals {
  /** time of the latest call, milliseconds of the caller's clock */
  lastMs: number;
  /** gaps seen, ever */
  count: number;
  /** the broad view's counts, then the latest gaps as a ring */
  readonly cells: Float32Array;
  /** sum of the broad counts */
  weight: number;
  /** logarithm of how much better the exact view has foretold the gaps; older ones fade */
  evidence: number;
}

/** What functions in general do: the first gaps of each, which a function unknown yet is judged by. */
export interface Population {
  readonly counts: Float32Array;
  total: number;
}

/** A stretch of the time after a call, milliseconds since that call, in which a call that comes finds it warm. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Nothing known about any function: every order of magnitude is as likely as another. */
export function newPopulation(): Population {
  return { counts: new Float32Array(bins).fill(1), total: bins };
}

/** A function that was called for the first time. */
export function newArrivals(atMs: number): Arrivals {
  return { lastMs: atMs, count: 0, cells: new Float32Array(bins + remembered), weight: 0, evidence: 0 };
}

/** One more call. The first eight gaps of a function also teach what functions in general do. */
export function recordArrival(arrivals: Arrivals, atMs: number, population: Population): void {
  const gap = Math.max(0, atMs - arrivals.lastMs);
  arrivals.lastMs = Math.max(arrivals.lastMs, atMs);
  const { cells } = arrivals;
  if (arrivals.count > 0) {
    const ratio = exactDensity(arrivals, gap) / broadDensity(arrivals, binOf(gap), population);
    const evidence = 0.9 * arrivals.evidence + Math.log(surprise + (1 - surprise) * ratio);
    arrivals.evidence = Math.max(-8, Math.min(8, evidence));
  }
  const bin = binOf(gap);
  cells[bin]! += 1;
  arrivals.weight += 1;
  if (arrivals.weight > broadMemory) {
    for (let index = 0; index < bins; index++) cells[index]! /= 2;
    arrivals.weight /= 2;
  }
  cells[bins + (arrivals.count % remembered)] = gap;
  arrivals.count++;
  if (arrivals.count <= 8) {
    population.counts[bin]! += 1;
    population.total += 1;
  }
}

/**
 * The stretches after a call in which staying warm is worth its price, in order; the first begins at the call itself.
 *
 * Being warm from age a to b costs `pricePerMs` for as long as no call has come, and saves the cold start of a call that
 * comes then: so it pays exactly where the hazard (the probability of a call in the next moment, none having come) is above
 * the price. `reopen` is what a start of our own accord costs, in cold starts. The cheapest set of stretches is found
 * backwards over the pieces of time on which the distribution is flat (at most 69).
 *
 * @param pricePerMs what a millisecond of staying warm costs, in cold starts
 */
export function warmWindows(arrivals: Arrivals, population: Population, pricePerMs: number, reopen: number): Window[] {
  const { from, to, mass, after } = pieces(arrivals, population);
  const count = from.length;
  const warmNext = new Array<boolean>(count).fill(false);
  const openNext = new Array<boolean>(count).fill(false);
  // Beyond the horizon nothing is gained or paid, whichever way it is reached.
  let warm = 0;
  let cold = 0;
  let survival = after;
  for (let index = count - 1; index >= 0; index--) {
    const mine = mass[index]!;
    const hold = pricePerMs * (to[index]! - from[index]!) * (survival + mine / 2);
    const opened = warm + reopen * survival;
    warmNext[index] = warm <= cold && index < count - 1;
    openNext[index] = opened < cold && index < count - 1;
    const stay = hold + (warmNext[index] ? warm : cold);
    const leave = mine + (openNext[index] ? opened : cold);
    survival += mine;
    // Whether this piece itself is warm: the one before decides, by comparing these two.
    warm = stay;
    cold = leave;
  }
  return chosen(from, to, warm <= cold, warmNext, openNext);
}

function chosen(from: number[], to: number[], first: boolean, warmNext: boolean[], openNext: boolean[]): Window[] {
  const windows: Window[] = [];
  let warm = first;
  let since = 0;
  for (let index = 0; index < from.length; index++) {
    const next = warm ? warmNext[index]! : openNext[index]!;
    if (next === warm) continue;
    if (warm) windows.push({ fromMs: since, toMs: to[index]! });
    else since = to[index]!;
    warm = next;
  }
  return windows;
}

/** The distribution as flat pieces: their bounds, the probability of each, and that of no call before the horizon. */
function pieces(arrivals: Arrivals, population: Population) {
  const steps = exactSteps(arrivals);
  const share = steps.length === 0 ? 0 : exactShare(arrivals);
  const from: number[] = [];
  const to: number[] = [];
  const mass: number[] = [];
  let [start, next, exact, sum] = [0, 0, 0, 0];
  for (let bin = 0; bin < edges.length; bin++) {
    const broad = (1 - share) * broadDensity(arrivals, bin, population);
    while (start < edges[bin]!) {
      for (; next < steps.length && steps[next]!.atMs <= start; next++) exact += steps[next]!.change;
      const end = Math.min(edges[bin]!, steps[next]?.atMs ?? horizonMs);
      const probability = (broad + share * Math.max(0, exact)) * (end - start);
      from.push(start);
      to.push(end);
      mass.push(probability);
      sum += probability;
      start = end;
    }
  }
  return { from, to, mass, after: Math.max(0, 1 - sum) };
}

/** Where the exact view's density changes and by how much, in order; nothing where it has no say. */
function exactSteps(arrivals: Arrivals): { readonly atMs: number; readonly change: number }[] {
  if (exactShare(arrivals) < 0.01) return [];
  const steps: { atMs: number; change: number }[] = [];
  for (const { fromMs, toMs, density } of exactWindows(arrivals)) {
    steps.push({ atMs: fromMs, change: density }, { atMs: toMs, change: -density });
  }
  return steps.sort((a, b) => a.atMs - b.atMs);
}

/** How much the exact view counts, 0 to 1: nothing until it has foretold something. */
function exactShare(arrivals: Arrivals): number {
  return arrivals.count < 2 ? 0 : (1 - surprise) / (1 + Math.exp(-arrivals.evidence));
}

/** Probability per millisecond, by the broad view. */
function broadDensity(arrivals: Arrivals, bin: number, population: Population): number {
  const prior = population.counts[bin]! / population.total;
  const probability = (arrivals.cells[bin]! + priorWeight * prior) / (arrivals.weight + priorWeight);
  return probability / widthOf(bin);
}

/** Probability per millisecond, by the exact view. */
function exactDensity(arrivals: Arrivals, gap: number): number {
  let sum = 0;
  for (const { fromMs, toMs, density } of exactWindows(arrivals)) {
    if (gap >= fromMs && gap <= toMs) sum += density;
  }
  return sum;
}

/**
 * The exact view: one window of equal probability around each of the latest gaps, as wide as gaps like it lie apart (twice
 * the distance to the second nearest). A clock's windows are narrow whatever its period; a gap that stands alone has one of
 * a hundredth of itself.
 */
function exactWindows(arrivals: Arrivals): (Window & { readonly density: number })[] {
  const known = Math.min(arrivals.count, remembered);
  const gaps = arrivals.cells.slice(bins, bins + known).sort();
  return Array.from(gaps, (gap, index) => {
    const apart = (other: number) => Math.abs((gaps[other] ?? Number.POSITIVE_INFINITY) - gap);
    const beside = Math.max(apart(index - 1), apart(index + 1));
    const second = Math.min(beside, apart(index - 2), apart(index + 2));
    const reach = Math.max(narrowestMs, Math.min(2 * second, gap / 100));
    const fromMs = Math.max(0, gap - reach);
    return { fromMs, toMs: gap + reach, density: 1 / known / (gap + reach - fromMs) };
  });
}

function binOf(gap: number): number {
  if (gap >= horizonMs) return bins - 1;
  if (gap < 1000) return 0;
  return Math.min(bins - 2, 1 + Math.floor(2 * Math.log2(gap / 1000)));
}

function widthOf(bin: number): number {
  if (bin === bins - 1) return horizonMs;
  return edges[bin]! - (bin === 0 ? 0 : edges[bin - 1]!);
}
