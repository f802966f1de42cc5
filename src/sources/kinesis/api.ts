import type { Listing, Position, StreamApi } from "../streams/api.ts";
import type { Shard } from "../streams/lineage.ts";
import { createPolling } from "../streams/polling.ts";
import { type KinesisRecord, type KinesisSource, kinesisRecord } from "./event.ts";

export interface KinesisApiNeeds {
  /** Calls an operation of Kinesis; rejects with its error's `code`. */
  call(operation: string, input: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<unknown>;
  /** reads a shard in another way than by polling (enhanced fan-out) */
  readonly read?: StreamApi["read"];
  readonly idleMs: number;
}

interface ListedShard {
  readonly ShardId: string;
  readonly ParentShardId?: string | null;
  readonly AdjacentParentShardId?: string | null;
  readonly SequenceNumberRange: { readonly EndingSequenceNumber?: string | null };
}

/** GetRecords gives 10 MB at most, whatever it is asked for. */
const mostRecords = 10_000;

/** The stream of a mapping. Source: Kinesis API Reference. */
export function createKinesisApi(source: KinesisSource, streamArn: string, needs: KinesisApiNeeds): StreamApi {
  const { call, idleMs } = needs;
  const of = { StreamARN: streamArn, StreamName: streamArn.split("/").slice(1).join("/") };

  async function list(signal: AbortSignal): Promise<Listing> {
    const summary = (await call("DescribeStreamSummary", of, signal)) as {
      StreamDescriptionSummary: { StreamCreationTimestamp: number; StreamStatus: string };
    };
    const shards: Shard[] = [];
    let input: Record<string, unknown> | undefined = of;
    while (input !== undefined) {
      const page = (await call("ListShards", input, signal)) as { Shards?: ListedShard[]; NextToken?: string | null };
      for (const shard of page.Shards ?? []) shards.push(shardOf(shard));
      input = page.NextToken ? { NextToken: page.NextToken } : undefined;
    }
    return { identity: String(summary.StreamDescriptionSummary.StreamCreationTimestamp), shards };
  }

  async function iterator(shard: string, position: Position, signal: AbortSignal): Promise<string> {
    const where = {
      ShardId: shard,
      ShardIteratorType: position.type,
      ...("at" in position ? { Timestamp: position.at / 1000 } : {}),
      ...("sequence" in position ? { StartingSequenceNumber: position.sequence } : {}),
    };
    const answer = await call("GetShardIterator", { ...of, ...where }, signal);
    return (answer as { ShardIterator: string }).ShardIterator;
  }

  async function page(shard: string, from: string, signal: AbortSignal) {
    const answer = (await call("GetRecords", { ShardIterator: from, Limit: mostRecords }, signal)) as {
      Records?: KinesisRecord[];
      NextShardIterator?: string | null;
      MillisBehindLatest?: number;
    };
    // The role is looked up once for all of them.
    const of = { ...source };
    return {
      records: (answer.Records ?? []).map((record) => kinesisRecord(record, shard, of)),
      next: answer.NextShardIterator ?? undefined,
      behindMs: answer.MillisBehindLatest,
    };
  }

  return { list, read: needs.read ?? createPolling({ iterator, page, idleMs }), takesTimestamps: true };
}

function shardOf({ ShardId, ParentShardId, AdjacentParentShardId, SequenceNumberRange }: ListedShard): Shard {
  const parents = [ParentShardId, AdjacentParentShardId].filter((id) => typeof id === "string");
  return { id: ShardId, parents, open: !SequenceNumberRange.EndingSequenceNumber };
}
