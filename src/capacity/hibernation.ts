/**
 * An idle environment that could give its memory back and stay: its pages go to swap or, of a copy of an image, those that
 * were not written are dropped; the next call faults them in again.
 */
export interface Hibernatable {
  readonly id: string;
  /** milliseconds since its last answer, or since it was ready */
  readonly idleMs: number;
  /** bytes that would be given back */
  readonly freeableBytes: number;
  /** how long a call would take to get them back, milliseconds */
  readonly wakeMs: number;
  /** how long a new environment takes to start, milliseconds */
  readonly startMs: number;
  /** when the next call is foreseen, milliseconds from now; undefined: not foreseen */
  readonly expectedInMs: number | undefined;
}

export interface HibernationOptions {
  /** nothing hibernates sooner after its last use, milliseconds (default 30 s) */
  readonly afterMs?: number;
  /** less than this is not worth the trouble, bytes (default 4 MiB) */
  readonly leastBytes?: number;
  /** what all environments hold, and what they may hold, bytes */
  readonly usedBytes: number;
  readonly budgetBytes: number;
}

/** from this share of the budget on, memory is short: what can hibernate does */
const shortFrom = 0.8;
/** waking up must take less than this share of a start: else ending it costs the next call as little and frees more */
const wakeShare = 0.5;

/**
 * Which idle environments give their memory back now, those that free the most for each millisecond that waking them costs
 * first. While memory is plentiful only those that nobody is foreseen to call for ten times as long as waking takes and
 * that have been idle for three times the shortest time; while it is short all that can, until it is not short any more.
 */
export function chooseHibernated(idle: readonly Hibernatable[], options: HibernationOptions): string[] {
  const { afterMs = 30e3, leastBytes = 4 * 2 ** 20, usedBytes, budgetBytes } = options;
  const sleepy = idle
    .filter(({ idleMs, freeableBytes }) => idleMs >= afterMs && freeableBytes >= leastBytes)
    .filter(({ wakeMs, startMs }) => wakeMs < wakeShare * startMs)
    .sort((a, b) => worth(b) - worth(a));
  const chosen: string[] = [];
  let excess = usedBytes - shortFrom * budgetBytes;
  for (const environment of sleepy) {
    const { id, idleMs, freeableBytes, wakeMs, expectedInMs = Number.POSITIVE_INFINITY } = environment;
    const deep = idleMs >= 3 * afterMs && expectedInMs > Math.max(afterMs, 10 * wakeMs);
    if (!deep && excess <= 0) continue;
    chosen.push(id);
    excess -= freeableBytes;
  }
  return chosen;
}

/** bytes freed for each millisecond of waking */
function worth({ freeableBytes, wakeMs }: Hibernatable): number {
  return freeableBytes / Math.max(0.1, wakeMs);
}
