import { type Listing, type Position, type StreamApi, troubleOf } from "../streams/api.ts";
import type { Shard } from "../streams/lineage.ts";
import { createPolling } from "../streams/polling.ts";
import { type DynamoDbRecord, dynamoDbRecord } from "./event.ts";

export interface DynamoDbApiNeeds {
  clock(): number;
  /** Calls an operation of DynamoDB Streams; rejects with its error's `code`. */
  call(operation: string, input: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<unknown>;
  readonly idleMs: number;
}

interface DescribedShard {
  readonly ShardId: string;
  readonly ParentShardId?: string | null;
  readonly SequenceNumberRange?: { readonly EndingSequenceNumber?: string | null };
}

/** GetRecords gives no more. */
const mostRecords = 1000;

/** The stream of a table. Source: Amazon DynamoDB Streams API Reference. */
export function createDynamoDbApi(sourceArn: string, { call, clock, idleMs }: DynamoDbApiNeeds): StreamApi {
  /** as the service calls the stream */
  let streamArn = sourceArn;

  /** DynamoDB Local has a region and an account of its own, whatever the mapping says. */
  async function describe(input: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<unknown> {
    try {
      return await call("DescribeStream", { ...input, StreamArn: streamArn }, signal);
    } catch (error) {
      const local = sourceArn.replace(/^(arn:aws:dynamodb):[^:]*:[^:]*:/, "$1:ddblocal:000000000000:");
      if (troubleOf(error) !== "gone" || local === streamArn) throw error;
      const found = await call("DescribeStream", { ...input, StreamArn: local }, signal).catch(() => undefined);
      if (found === undefined) throw error;
      streamArn = local;
      return found;
    }
  }

  async function list(signal: AbortSignal): Promise<Listing> {
    const shards: Shard[] = [];
    let after: string | undefined;
    do {
      const input = after === undefined ? {} : { ExclusiveStartShardId: after };
      const { StreamDescription } = (await describe(input, signal)) as {
        StreamDescription: { Shards?: DescribedShard[]; LastEvaluatedShardId?: string | null };
      };
      for (const shard of StreamDescription.Shards ?? []) shards.push(shardOf(shard));
      after = StreamDescription.LastEvaluatedShardId ?? undefined;
    } while (after !== undefined);
    // A table's next stream has another ARN.
    return { identity: sourceArn, shards };
  }

  async function iterator(shard: string, position: Position, signal: AbortSignal): Promise<string> {
    const input = {
      StreamArn: streamArn,
      ShardId: shard,
      ShardIteratorType: position.type,
      ...("sequence" in position ? { SequenceNumber: position.sequence } : {}),
    };
    return ((await call("GetShardIterator", input, signal)) as { ShardIterator: string }).ShardIterator;
  }

  async function page(_shard: string, from: string, signal: AbortSignal) {
    const answer = (await call("GetRecords", { ShardIterator: from, Limit: mostRecords }, signal)) as {
      Records?: DynamoDbRecord[];
      NextShardIterator?: string | null;
    };
    const now = clock();
    const records = (answer.Records ?? []).map((record) => dynamoDbRecord(record, sourceArn, now));
    // It does not say how far behind it is: a page that has nothing has all.
    return { records, next: answer.NextShardIterator ?? undefined, behindMs: records.length === 0 ? 0 : undefined };
  }

  return { list, read: createPolling({ iterator, page, idleMs }), takesTimestamps: false };
}

function shardOf({ ShardId, ParentShardId, SequenceNumberRange }: DescribedShard): Shard {
  return {
    id: ShardId,
    parents: ParentShardId ? [ParentShardId] : [],
    open: !SequenceNumberRange?.EndingSequenceNumber,
  };
}
