import type { KinesisClient, SubscribeToShardEventStream } from "@aws-sdk/client-kinesis";
import type { Place } from "../../remote/index.ts";
import type { Position, Sink, StreamApi } from "../streams/api.ts";
import { type KinesisSource, kinesisRecord } from "./event.ts";

export interface FanOut {
  readonly read: StreamApi["read"];
  close(): void;
}

/** The service ends a subscription after five minutes; one that says nothing for this long (it sends a beat every 5 s) is dead. */
const silenceMs = 30_000;

/**
 * Reads shards as a consumer of enhanced fan-out: the service pushes. Its answers are event streams over HTTP/2 (HTTP/1.1 from
 * servers that are not AWS), which Kinesis' own client reads; it is loaded with the first consumer. Source: Kinesis API
 * Reference, SubscribeToShard.
 */
export function createFanOut(source: KinesisSource, place: () => Place): FanOut {
  let client: { readonly url: string; readonly made: Promise<KinesisClient> } | undefined;

  function connected(): Promise<KinesisClient> {
    const { url, credentials } = place();
    if (client?.url !== url) client = { url, made: clientOf(source.region, { url, credentials }) };
    return client.made;
  }

  /** One subscription; resolves with where the next begins, or undefined at the shard's end. */
  async function subscription(
    shard: string,
    from: Position,
    sink: Sink,
    signal: AbortSignal,
  ): Promise<Position | undefined> {
    const { SubscribeToShardCommand } = await import("@aws-sdk/client-kinesis");
    const kinesis = await connected();
    const silence = new AbortController();
    const abortSignal = AbortSignal.any([signal, silence.signal]);
    const command = new SubscribeToShardCommand({
      ConsumerARN: source.sourceArn,
      ShardId: shard,
      StartingPosition: startOf(from),
    });
    const { EventStream } = await kinesis.send(command, { abortSignal });
    let next = from;
    const beat = setInterval(() => {
      if (performance.now() - heard > silenceMs) silence.abort(new Error("the subscription fell silent"));
    }, 5000);
    let heard = performance.now();
    try {
      for await (const event of untilAborted(EventStream!, abortSignal)) {
        const pushed = event.SubscribeToShardEvent;
        if (pushed === undefined) throw failureOf(event);
        // The role is looked up once for all of them.
        const of = { ...source };
        const records = (pushed.Records ?? []).map((record) =>
          kinesisRecord(
            {
              SequenceNumber: record.SequenceNumber!,
              PartitionKey: record.PartitionKey!,
              Data: Buffer.from(record.Data!).toString("base64"),
              ApproximateArrivalTimestamp: Number(record.ApproximateArrivalTimestamp) / 1000,
            },
            shard,
            of,
          ),
        );
        await sink.take(records, pushed.MillisBehindLatest);
        heard = performance.now();
        if (!pushed.ContinuationSequenceNumber) return undefined;
        next = { type: "AFTER_SEQUENCE_NUMBER", sequence: pushed.ContinuationSequenceNumber };
      }
    } finally {
      clearInterval(beat);
    }
    return next;
  }

  return {
    async read(shard, position, sink, signal) {
      let next: Position | undefined = position;
      while (next !== undefined) {
        signal.throwIfAborted();
        next = await subscription(shard, next, sink, signal);
      }
    },
    close() {
      client?.made.then((made) => made.destroy()).catch(() => undefined);
    },
  };
}

async function clientOf(region: string, { url, credentials }: Place): Promise<KinesisClient> {
  const { KinesisClient } = await import("@aws-sdk/client-kinesis");
  const { NodeHttpHandler } = await import("@smithy/node-http-handler");
  if (url === "aws") return new KinesisClient({ region, credentials, maxAttempts: 1 });
  // Others speak HTTP/1.1, where a subscription takes a connection.
  const requestHandler = new NodeHttpHandler({
    connectionTimeout: 5000,
    httpAgent: { maxSockets: Number.POSITIVE_INFINITY },
  });
  return new KinesisClient({ region, credentials, endpoint: url, requestHandler, maxAttempts: 1 });
}

function startOf(position: Position) {
  return {
    Type: position.type,
    ...("at" in position ? { Timestamp: new Date(position.at) } : {}),
    ...("sequence" in position ? { SequenceNumber: position.sequence } : {}),
  };
}

/** The client's iterator does not end when its request is given up. */
async function* untilAborted<T>(events: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => undefined);
  const give = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", give, { once: true });
  const iterator = events[Symbol.asyncIterator]();
  try {
    while (true) {
      signal.throwIfAborted();
      const { done, value } = await Promise.race([iterator.next(), aborted.promise]);
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", give);
    iterator.return?.()?.catch?.(() => undefined);
  }
}

/** An event that is an error of the service. */
function failureOf(event: SubscribeToShardEventStream): unknown {
  return Object.values(event).find((value) => value instanceof Error) ?? new Error("an event of an unknown kind");
}
