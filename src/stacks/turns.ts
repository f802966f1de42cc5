/**
 * Does `work` for each id once it is done for all that the id needs, several at a time. After the first failure nothing new
 * begins; resolves with the failures when nothing runs any more.
 */
export async function inTurns(
  ids: readonly string[],
  needs: (id: string) => readonly string[],
  work: (id: string) => Promise<void>,
  atOnce = 16,
): Promise<readonly { readonly id: string; readonly error: unknown }[]> {
  const failures: { id: string; error: unknown }[] = [];
  const waiting = new Set(ids);
  const done = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const known = new Set(ids);
  const ready = (id: string): boolean => needs(id).every((each) => !known.has(each) || done.has(each));
  for (;;) {
    for (const id of waiting) {
      if (failures.length > 0 || running.size >= atOnce) break;
      if (!ready(id)) continue;
      waiting.delete(id);
      const run = work(id)
        .then(() => void done.add(id))
        .catch((error: unknown) => void failures.push({ id, error }))
        .finally(() => running.delete(id));
      running.set(id, run);
    }
    if (running.size === 0) return failures;
    await Promise.race(running.values());
  }
}
