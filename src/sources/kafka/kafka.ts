import type { Batch, Consumer, Kafka } from "kafkajs";
import { reconnecting } from "../reconnecting.ts";
import type { Source, SourceNeeds } from "../source.ts";
import { accessOfCluster } from "./access.ts";
import { type KafkaMessage, laneOf } from "./event.ts";
import { createLetters } from "./letters.ts";
import { createReader, type Group } from "./reader.ts";
import { type KafkaSettings, settingsOf } from "./settings.ts";
import { startsOf } from "./starts.ts";

const longestPollMs = 500;
/** Who comes after a reader that was killed waits as long. */
const sessionMs = 10_000;

/** Rejects when the cluster is there no more; what ran is over then, and the group knows it if it could be told. */
async function readTopics(needs: SourceNeeds, settings: KafkaSettings, signal: AbortSignal): Promise<void> {
  const { Kafka, logLevel } = await import("kafkajs").then(({ default: module }) => module);
  const { brokers, sasl, ssl } = await accessOfCluster(needs, settings, signal);
  const client = new Kafka({
    clientId: `thaw-${needs.mapping.uuid}`,
    brokers,
    ssl: ssl ?? false,
    ...(sasl === undefined ? {} : { sasl }),
    connectionTimeout: 5000,
    logLevel: logLevel.NOTHING,
    // Every failure ends here: there is one way to begin.
    retry: { retries: 3, initialRetryTime: 100, restartOnFailure: async () => false },
  });
  const starts = await lookUp(client, needs, settings);
  if (signal.aborted) return;
  const crashed = new AbortController();
  const stop = AbortSignal.any([signal, crashed.signal]);
  const consumer = client.consumer({
    groupId: settings.group,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: longestPollMs,
    sessionTimeout: sessionMs,
    retry: { retries: 3, initialRetryTime: 100, restartOnFailure: async () => false },
  });
  const group = groupOf(consumer, (settings.brokers.length > 0 ? settings.brokers : brokers).join(","));
  const { failureTopic } = settings;
  const letters = failureTopic === undefined ? undefined : createLetters(client, failureTopic, needs, stop);
  const reader = createReader(
    letters === undefined ? needs : { ...needs, giveUp: letters.giveUp },
    settings,
    group,
    stop,
  );
  consumer.on("consumer.crash", ({ payload }) => crashed.abort(payload.error));
  consumer.on("consumer.group_join", ({ payload }) => {
    needs.problem(undefined);
    const dealt = Object.entries(payload.memberAssignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition, lane: laneOf(topic, partition) })),
    );
    reader.dealt(new Set(dealt.map(({ lane }) => lane)));
    for (const { topic, partition, lane } of dealt) {
      const offset = starts.get(lane);
      if (offset === undefined) continue;
      consumer.seek({ topic, partition, offset });
      const told = group.commit([{ topic, partition, offset: BigInt(offset) }]);
      // Else it is begun in the same way when the group is dealt again.
      told.then(() => starts.delete(lane)).catch(() => undefined);
    }
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...settings.topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: 4,
      async eachBatch({ batch }) {
        reader.take(fetchedOf(batch));
      },
    });
    await new Promise<void>((resolve) => {
      if (stop.aborted) resolve();
      else stop.addEventListener("abort", () => resolve(), { once: true });
    });
  } finally {
    crashed.abort();
    await reader.end();
    await letters?.close();
    await consumer.disconnect().catch(() => undefined);
  }
  if (!signal.aborted) throw crashed.signal.reason;
}

async function lookUp(
  client: Kafka,
  { checkpoints }: SourceNeeds,
  settings: KafkaSettings,
): Promise<Map<string, string>> {
  const admin = client.admin();
  try {
    await admin.connect();
    return await startsOf(admin, settings, checkpoints);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

function groupOf(consumer: Consumer, bootstrapServers: string): Group {
  return {
    bootstrapServers,
    commit: (positions) =>
      consumer.commitOffsets(positions.map((position) => ({ ...position, offset: String(position.offset) }))),
    pause: ({ topic, partition }) => consumer.pause([{ topic, partitions: [partition] }]),
    resume: ({ topic, partition }) => consumer.resume([{ topic, partitions: [partition] }]),
  };
}

function fetchedOf(batch: Batch) {
  const { topic, partition, highWatermark } = batch;
  const messages = batch.messages.map((message): KafkaMessage => {
    const { offset, timestamp, key, value, headers = {} } = message;
    // Not in the client's types: what it knows of the batch that the message came in.
    const { batchContext } = message as { batchContext?: { timestampType?: number } };
    return {
      topic,
      partition,
      offset: BigInt(offset),
      timestamp: Number(timestamp),
      appendTime: batchContext?.timestampType === 1,
      key,
      value,
      headers: Object.entries(headers).flatMap(([name, values]) =>
        [values ?? ""].flat().map((one) => [name, Buffer.from(one)] as const),
      ),
    };
  });
  return { topic, partition, messages, next: BigInt(batch.lastOffset()) + 1n, end: BigInt(highWatermark) };
}

/** Reads topics as a member of a consumer group: until something fails, and then anew. */
export const kafka: Source = reconnecting((needs, signal) => readTopics(needs, settingsOf(needs.mapping), signal));
