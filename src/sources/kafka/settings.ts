import type { MappingRecord } from "../../registry/index.ts";
import { failureTopic } from "./letters.ts";

/** What a mapping says about how topics are read. */
export interface KafkaSettings {
  /** of MSK; undefined: a cluster of the user's own */
  readonly clusterArn: string | undefined;
  /** `host:port` each, as a mapping of a cluster of one's own names them; empty: they are looked for elsewhere */
  readonly brokers: readonly string[];
  readonly topics: readonly string[];
  readonly group: string;
  readonly starting: "TRIM_HORIZON" | "LATEST" | "AT_TIMESTAMP";
  /** of AT_TIMESTAMP, milliseconds since the epoch */
  readonly startingAt: number;
  readonly batchSize: number;
  readonly windowMs: number;
  /** MaximumRetryAttempts; -1: without end */
  readonly retries: number;
  /** MaximumRecordAgeInSeconds, in milliseconds; undefined: as long as the topic keeps it */
  readonly mostAgeMs: number | undefined;
  readonly bisect: boolean;
  readonly reportsItems: boolean;
  /** where records of what is given up go; undefined: elsewhere */
  readonly failureTopic: string | undefined;
}

interface GroupConfig {
  readonly ConsumerGroupId?: string;
  readonly SchemaRegistryConfig?: { readonly SchemaRegistryURI?: string };
  readonly ConsumptionMode?: string;
}

/** Throws an Error that says what of a mapping is not done here. */
export function settingsOf({ settings, uuid }: MappingRecord): KafkaSettings {
  const number = (name: string, byDefault: number) => Number(settings[name] ?? byDefault);
  const config = (settings.AmazonManagedKafkaEventSourceConfig ??
    settings.SelfManagedKafkaEventSourceConfig ??
    {}) as GroupConfig;
  if (config.SchemaRegistryConfig?.SchemaRegistryURI !== undefined) throw new Error("SchemaRegistryConfig is not done");
  if (config.ConsumptionMode?.toUpperCase() === "QUEUE") throw new Error("ConsumptionMode QUEUE is not done");
  const { Endpoints = {} } = (settings.SelfManagedEventSource ?? {}) as { Endpoints?: Record<string, string[]> };
  const age = number("MaximumRecordAgeInSeconds", -1);
  const responses = (settings.FunctionResponseTypes ?? []) as readonly string[];
  const arn = settings.EventSourceArn;
  return {
    clusterArn: arn === undefined ? undefined : String(arn),
    brokers: Endpoints.KAFKA_BOOTSTRAP_SERVERS ?? [],
    topics: (settings.Topics ?? []) as readonly string[],
    group: config.ConsumerGroupId ?? uuid,
    starting: (settings.StartingPosition ?? "TRIM_HORIZON") as KafkaSettings["starting"],
    startingAt: number("StartingPositionTimestamp", 0) * 1000,
    batchSize: number("BatchSize", 100),
    // Half a second, which Lambda does not show.
    windowMs: number("MaximumBatchingWindowInSeconds", 0.5) * 1000,
    retries: number("MaximumRetryAttempts", -1),
    mostAgeMs: age === -1 ? undefined : age * 1000,
    bisect: settings.BisectBatchOnFunctionError === true,
    failureTopic: failureTopic(settings),
    reportsItems: responses.includes("ReportBatchItemFailures"),
  };
}
