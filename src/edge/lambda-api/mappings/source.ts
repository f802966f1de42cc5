import type { SourceKind } from "../../../registry/index.ts";

/** What one kind of event source takes. Source: API Reference, CreateEventSourceMapping (model of 2026-11). */
export interface SourceRules {
  /** records a batch, unless the client says otherwise */
  readonly batchSize: number;
  readonly mostBatchSize: number;
  /** seconds; undefined: half a second, which Lambda does not show */
  readonly window: number | undefined;
  readonly startingPositions: readonly string[];
  readonly startingPositionRequired: boolean;
  /** members of the request that other sources have, too, and this one takes */
  readonly takes: ReadonlySet<string>;
  /** fewest and most pollers of provisioned mode; undefined: not for this source */
  readonly pollers: readonly [fewest: number, most: number] | undefined;
  /** what stands in StateTransitionReason when the user did it */
  readonly userAction: string;
}

const stream = [
  "StartingPosition",
  "StartingPositionTimestamp",
  "DestinationConfig",
  "MaximumRecordAgeInSeconds",
  "BisectBatchOnFunctionError",
  "MaximumRetryAttempts",
  "FunctionResponseTypes",
];
const shards = [...stream, "ParallelizationFactor", "TumblingWindowInSeconds"];
const topics = [...stream, "Topics", "SourceAccessConfigurations", "ProvisionedPollerConfig", "LoggingConfig"];
const broker = ["Queues", "SourceAccessConfigurations"];
const all = ["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"];

const rules = (takes: readonly string[], more: Partial<SourceRules> = {}): SourceRules => ({
  batchSize: 100,
  mostBatchSize: 10_000,
  window: undefined,
  startingPositions: all,
  startingPositionRequired: false,
  pollers: undefined,
  userAction: "User action",
  ...more,
  takes: new Set([...takes, "MaximumBatchingWindowInSeconds"]),
});

const queue = { batchSize: 10, window: 0, startingPositions: [], userAction: "USER_INITIATED" };
const kafkaPollers = [1, 2000] as const;

export const sourceRules: Readonly<Record<SourceKind, SourceRules>> = {
  sqs: rules(["FunctionResponseTypes", "ScalingConfig", "ProvisionedPollerConfig"], { ...queue, pollers: [2, 10_000] }),
  "sqs-fifo": rules(["FunctionResponseTypes", "ScalingConfig"], { ...queue, mostBatchSize: 10 }),
  kinesis: rules(shards, { window: 0, startingPositionRequired: true }),
  dynamodb: rules(shards, {
    window: 0,
    startingPositionRequired: true,
    startingPositions: ["TRIM_HORIZON", "LATEST"],
  }),
  msk: rules([...topics, "AmazonManagedKafkaEventSourceConfig"], { pollers: kafkaPollers }),
  kafka: rules([...topics, "SelfManagedEventSource", "SelfManagedKafkaEventSourceConfig"], { pollers: kafkaPollers }),
  activemq: rules(broker, { startingPositions: [] }),
  rabbitmq: rules(broker, { startingPositions: [] }),
  documentdb: rules([
    "StartingPosition",
    "StartingPositionTimestamp",
    "SourceAccessConfigurations",
    "DocumentDBEventSourceConfig",
  ]),
};

/** Members that not every source takes; all others every source does. */
export const particular: ReadonlySet<string> = new Set(Object.values(sourceRules).flatMap((rule) => [...rule.takes]));

/** Which kind an ARN names; undefined: none that Lambda reads from. An MQ broker's engine is known by what else is asked for. */
export function sourceOf(arn: string, virtualHost: boolean): SourceKind | undefined {
  const [, , service, , , ...rest] = arn.split(":");
  const resource = rest.join(":");
  switch (service) {
    case "sqs":
      return resource.endsWith(".fifo") ? "sqs-fifo" : "sqs";
    case "kinesis":
      return resource.startsWith("stream/") ? "kinesis" : undefined;
    case "dynamodb":
      return /^table\/[^/]+\/stream\//.test(resource) ? "dynamodb" : undefined;
    case "kafka":
      return "msk";
    case "mq":
      return virtualHost ? "rabbitmq" : "activemq";
    case "rds":
    case "docdb":
    case "docdb-elastic":
      return resource.startsWith("cluster") ? "documentdb" : undefined;
    default:
      return undefined;
  }
}
