import type { SourceKind } from "../registry/index.ts";
import type { Source } from "./source.ts";

/** Who reads which kind; loaded with the first mapping of it. A kind that is not here is configured, and not read. */
export const kinds: Readonly<Partial<Record<SourceKind, () => Promise<Source>>>> = {
  kafka: async () => (await import("./kafka/index.ts")).kafka,
  msk: async () => (await import("./kafka/index.ts")).kafka,
  rabbitmq: async () => (await import("./rabbitmq/index.ts")).rabbitmq,
  activemq: async () => (await import("./activemq/index.ts")).activemq,
  kinesis: async () => (await import("./kinesis/index.ts")).kinesis,
  dynamodb: async () => (await import("./dynamodb/index.ts")).dynamodb,
  sqs: async () => (await import("./sqs/index.ts")).sqs,
  "sqs-fifo": async () => (await import("./sqs/index.ts")).sqs,
};
