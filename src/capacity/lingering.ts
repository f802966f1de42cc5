/** Tells what is to be kept: what is used, and what was until less than `keepMs` ago. Of a stranger that is not used, now counts as the end of its use. */
export type Lingering = (name: string, used: boolean) => boolean;

/** @param needs.keepMs milliseconds, as `clock` is */
export function createLingering(needs: { readonly keepMs: number; readonly clock: () => number }): Lingering {
  /** name → when it was first found not to be used any more */
  const ended = new Map<string, number>();
  return (name, used) => {
    if (used) {
      ended.delete(name);
      return true;
    }
    const now = needs.clock();
    const since = ended.get(name) ?? now;
    ended.set(name, since);
    return now - since < needs.keepMs;
  };
}
