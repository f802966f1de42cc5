/**
 * Which signed requests were received already. Clients sign each try anew, so that a signature which comes again was
 * recorded by somebody, with one exception: a client without an invocation id that sends the same request twice within one
 * second makes the same signature twice. So such a repetition counts as a replay only after `graceMs`.
 */
export interface Replays {
  /** Was this signature there before? Remembers it. `unique`: its client never makes the same one twice. */
  isReplay(signature: string, unique: boolean): boolean;
}

/** X-Amz-Date counts whole seconds: the second that two equal requests share, and some for their way. */
const graceMs = 2000;
/** Signatures in each of two generations: at about 100 bytes each, 40 MB at most. */
const generationSize = 200_000;

/** `keepMs`: how long a signature would be accepted at all; `clock`: milliseconds. */
export function createReplays(keepMs: number, clock: () => number): Replays {
  let young = new Map<string, number>();
  let old = new Map<string, number>();
  let born = clock();
  return {
    isReplay(signature, unique) {
      const now = clock();
      if (now - born > keepMs || young.size >= generationSize) {
        old = now - born > 2 * keepMs ? new Map() : young;
        young = new Map();
        born = now;
      }
      // Half of it is as unlikely to be met by chance.
      const name = signature.slice(0, 32);
      const first = young.get(name) ?? old.get(name);
      if (first === undefined) {
        young.set(name, now);
        return false;
      }
      return unique || now - first > graceMs;
    },
  };
}
