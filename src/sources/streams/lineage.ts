/** A shard as its stream lists it. */
export interface Shard {
  readonly id: string;
  /** the shard it was split from, or both that were merged into it */
  readonly parents: readonly string[];
  /** more records may come */
  readonly open: boolean;
}

/** Where a mapping begins to read. */
export type StartingPosition = "TRIM_HORIZON" | "LATEST" | "AT_TIMESTAMP";

/** What is known of a shard from before. */
export interface KnownShard {
  /** since when every record of it is done, milliseconds; undefined: it is not */
  readonly finished: number | undefined;
}

export interface ShardPlan {
  /** shards that nobody knew, each with where to begin; undefined: nothing of it is to be read */
  readonly added: readonly { readonly id: string; readonly start: StartingPosition | undefined }[];
  /** shards, known or added, whose records are due now */
  readonly due: readonly string[];
  /** known shards that need not be remembered any longer */
  readonly forgotten: readonly string[];
}

/** A list may for a moment lack a shard; one that comes back unknown would be read again from its beginning. */
const rememberMs = 26 * 60 * 60 * 1000;

/**
 * Decides which shards are read: a child only after all of its parents are done, so that records of one key stay in order
 * over splits and merges. `first`: the list decides what the starting position means; a shard that appears later has only
 * records of after it. Source: Kinesis Developer Guide, "Resharding a stream"; Lambda Developer Guide, "Polling and stream
 * starting positions".
 */
export function planShards(
  listed: readonly Shard[],
  known: ReadonlyMap<string, KnownShard>,
  { starting, first, now }: { readonly starting: StartingPosition; readonly first: boolean; readonly now: number },
): ShardPlan {
  const shards = new Map(listed.map((shard) => [shard.id, shard]));
  const isNew = (id: string) => shards.has(id) && !known.has(id);
  const startOf = (shard: Shard): StartingPosition | undefined => {
    if (starting !== "LATEST") return starting;
    if (!first) return "TRIM_HORIZON";
    if (!shard.open) return undefined;
    // A list can be of two moments: what follows on a shard that is still read is read from its beginning.
    return shard.parents.some((parent) => isNew(parent) && shards.get(parent)?.open) ? "TRIM_HORIZON" : "LATEST";
  };
  const added = listed.filter(({ id }) => isNew(id)).map((shard) => ({ id: shard.id, start: startOf(shard) }));

  const skipped = new Set(added.filter(({ start }) => start === undefined).map(({ id }) => id));
  const isDone = (id: string) => {
    const before = known.get(id);
    if (before !== undefined) return before.finished !== undefined;
    // A parent that nobody lists any longer has nothing to read.
    return skipped.has(id) || !shards.has(id);
  };
  const due = listed.filter(({ id, parents }) => !isDone(id) && parents.every(isDone)).map(({ id }) => id);
  const forgotten = [...known].filter(
    ([id, { finished }]) => finished !== undefined && !shards.has(id) && now - finished > rememberMs,
  );
  return { added, due, forgotten: forgotten.map(([id]) => id) };
}
