import type { Admin } from "kafkajs";
import type { Checkpoints } from "../source.ts";
import { laneOf } from "./event.ts";
import type { KafkaSettings } from "./settings.ts";

/**
 * Where to begin with partitions of which the group knows nothing yet, by `topic-partition`; what is not named begins with its
 * first record. Once looked up this is kept, so that LATEST is what it was then, whatever is killed in between; partitions that
 * a topic gets later begin with their first record.
 */
export async function startsOf(
  admin: Admin,
  { topics, group, starting, startingAt }: KafkaSettings,
  checkpoints: Checkpoints,
): Promise<Map<string, string>> {
  const starts = new Map<string, string>();
  if (starting === "TRIM_HORIZON") return starts;
  const made = new Map<string, string>();
  for (const topic of topics) {
    const isNew = checkpoints.all().get(keyOf(topic)) === undefined;
    if (isNew) {
      const offsets =
        starting === "LATEST"
          ? await admin.fetchTopicOffsets(topic)
          : await admin.fetchTopicOffsetsByTimestamp(topic, startingAt);
      made.set(keyOf(topic), JSON.stringify(Object.fromEntries(offsets.map((one) => [one.partition, one.offset]))));
    }
  }
  if (made.size > 0) await checkpoints.write(made);
  for (const { topic, partitions } of await admin.fetchOffsets({ groupId: group, topics: [...topics] })) {
    const kept = JSON.parse(checkpoints.all().get(keyOf(topic)) ?? "{}") as Record<string, string>;
    for (const { partition, offset } of partitions) {
      const start = kept[partition];
      if (offset === "-1" && start !== undefined) starts.set(laneOf(topic, partition), start);
    }
  }
  return starts;
}

const keyOf = (topic: string): string => `start:${topic}`;
