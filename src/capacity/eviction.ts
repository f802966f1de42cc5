/** An idle environment as the choice under memory pressure sees it. */
export interface Evictable {
  readonly id: string;
  /** bytes it holds now */
  readonly memoryBytes: number;
  /** what it is worth to keep; the least goes first */
  readonly priority: number;
}

/**
 * Greedy-dual priority (Cao and Irani, USITS 1997; for functions: Fuerst and Sharma, "FaasCache", ASPLOS 2021): the clock
 * when it was last used, plus what keeping it saves for every byte it holds. The clock is the priority of the latest
 * eviction, so what is not used any more is overtaken by what is, however precious it was once.
 *
 * @param clock the clock at its last use, in the unit of the sum
 * @param calls how often its function was called lately
 * @param startMs how long a start takes on the best rung there is, milliseconds
 * @param bytes what it holds
 * @param rank how many idle environments of its function version were used later: a second one is needed less often
 */
export function greedyDualPriority(clock: number, calls: number, startMs: number, bytes: number, rank: number): number {
  return clock + (calls * startMs) / (Math.max(bytes, 1) / 2 ** 20) / (rank + 1);
}

/**
 * Which environments end to free `excessBytes`: the least worth first, and no more than needed. Whoever turns out to be
 * unnecessary because a larger one that followed it suffices is spared.
 *
 * @returns the chosen, least worth first, and the highest priority among them: the greedy-dual clock from now on
 */
export function chooseEvicted<Environment extends Evictable>(
  idle: readonly Environment[],
  excessBytes: number,
): { readonly chosen: readonly Environment[]; readonly clock: number | undefined } {
  let excess = excessBytes;
  const candidates: Environment[] = [];
  for (const environment of [...idle].sort((a, b) => a.priority - b.priority)) {
    if (excess <= 0) break;
    candidates.push(environment);
    excess -= environment.memoryBytes;
  }
  const chosen: Environment[] = [];
  // From the most precious down: each goes back as long as the rest still frees enough.
  for (const environment of candidates.reverse()) {
    if (excess + environment.memoryBytes <= 0) excess += environment.memoryBytes;
    else chosen.push(environment);
  }
  chosen.reverse();
  return { chosen, clock: chosen.at(-1)?.priority };
}
