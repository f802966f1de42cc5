/** An idle environment as the decision sees it. */
export interface FixedIdle {
  readonly id: string;
  /** milliseconds since its last answer */
  readonly idleMs: number;
  /** bytes it holds now */
  readonly memoryBytes: number;
}

export interface FixedKeepAlive {
  /** idle environments older than this end */
  readonly keepAliveMs: number;
  /** bytes all environments may hold together */
  readonly budgetBytes: number;
}

/**
 * Which idle environments end now: those past their time, then the longest idle until the rest fit the budget.
 * `usedBytes` counts every environment, busy ones included. Returns ids, longest idle first.
 */
export function chooseReclaimed(idle: readonly FixedIdle[], usedBytes: number, policy: FixedKeepAlive): string[] {
  const chosen: string[] = [];
  let used = usedBytes;
  for (const environment of [...idle].sort((a, b) => b.idleMs - a.idleMs)) {
    if (environment.idleMs < policy.keepAliveMs && used <= policy.budgetBytes) break;
    chosen.push(environment.id);
    used -= environment.memoryBytes;
  }
  return chosen;
}
