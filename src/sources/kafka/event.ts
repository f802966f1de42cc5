import type { KafkaSettings } from "./settings.ts";

/** A message as a client of Kafka gives it. */
export interface KafkaMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** milliseconds since the epoch */
  readonly timestamp: number;
  /** the broker wrote the timestamp, not the producer */
  readonly appendTime: boolean;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** several of one name may stand behind each other */
  readonly headers: readonly (readonly [name: string, value: Buffer])[];
}

/** A message that a function is to get. */
export interface KafkaRecord {
  readonly offset: bigint;
  /** `topic-partition` */
  readonly lane: string;
  /** milliseconds since the epoch */
  readonly arrived: number;
  /** the element of the event's list, JSON */
  readonly json: string;
  readonly bytes: number;
}

export const laneOf = (topic: string, partition: number): string => `${topic}-${partition}`;

/**
 * The message as functions and filters see it; a key or value that is not there has no member. Sources: Developer Guide, "Using
 * Lambda with self-managed Apache Kafka" and "Amazon MSK" (example events).
 */
export function kafkaItem(message: KafkaMessage): Readonly<Record<string, unknown>> {
  const { topic, partition, offset, timestamp, appendTime, key, value, headers } = message;
  return {
    topic,
    partition,
    offset: Number(offset),
    timestamp,
    timestampType: appendTime ? "LOG_APPEND_TIME" : "CREATE_TIME",
    ...(key === null ? {} : { key: key.toString("base64") }),
    ...(value === null ? {} : { value: value.toString("base64") }),
    headers: headers.map(([name, bytes]) => ({ [name]: [...bytes].map((byte) => (byte > 127 ? byte - 256 : byte)) })),
  };
}

/** The event: records by topic and partition, in the order in which they are given. */
export function kafkaPayload(
  records: readonly KafkaRecord[],
  bootstrapServers: string,
  { clusterArn }: Pick<KafkaSettings, "clusterArn">,
): Buffer {
  const lists = new Map<string, string[]>();
  for (const { lane, json } of records) {
    const list = lists.get(lane);
    if (list === undefined) lists.set(lane, [json]);
    else list.push(json);
  }
  const members = [...lists].map(([lane, list]) => `${JSON.stringify(lane)}:[${list.join(",")}]`);
  const source =
    clusterArn === undefined
      ? { eventSource: "SelfManagedKafka", bootstrapServers }
      : { eventSource: "aws:kafka", eventSourceArn: clusterArn, bootstrapServers };
  return Buffer.from(`${JSON.stringify(source).slice(0, -1)},"records":{${members.join(",")}}}`);
}
