import type { Source } from "../source.ts";
import { streamSource } from "../streams/reading.ts";
import { createDynamoDbApi } from "./api.ts";

const service = {
  service: "dynamodb",
  endpoint: "streams.dynamodb",
  target: "DynamoDBStreams_20120810",
  version: "1.0",
} as const;

/** Streams of DynamoDB's tables. Lambda asks four times a second for each shard. */
export const dynamodb: Source = streamSource("dynamodb", (needs) => ({
  api: createDynamoDbApi(String(needs.mapping.settings.EventSourceArn), {
    call: needs.calls(service),
    clock: needs.clock,
    idleMs: 250,
  }),
}));
