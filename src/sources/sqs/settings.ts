import type { MappingRecord } from "../../registry/index.ts";

/** What a mapping says about how its queue is read. */
export interface SqsSettings {
  readonly queueArn: string;
  readonly fifo: boolean;
  readonly batchSize: number;
  /** MaximumBatchingWindowInSeconds, in milliseconds */
  readonly windowMs: number;
  readonly reportsItems: boolean;
  /** batches that run at once, at most */
  readonly mostConcurrent: number;
  /** requests that wait for messages: without work, and when there is more than enough */
  readonly pollers: readonly [fewest: number, most: number];
}

/** As many as Lambda scales to. Source: Developer Guide, "up to 1,000 concurrent invokes" (1,250 of standard queues). */
const mostConcurrent = { standard: 1250, fifo: 1000 };
/** Of provisioned mode: "an event poller … handles up to 10 concurrent invocations". */
const concurrentPerPoller = 10;
/** One request that waits is enough to see the first message; Lambda has five. */
const pollers = [1, 5] as const;

export function settingsOf({ settings, source }: MappingRecord): SqsSettings {
  const { EventSourceArn, BatchSize = 10, MaximumBatchingWindowInSeconds = 0, FunctionResponseTypes = [] } = settings;
  const { ScalingConfig, ProvisionedPollerConfig } = settings as {
    ScalingConfig?: { MaximumConcurrency?: number };
    ProvisionedPollerConfig?: { MinimumPollers?: number; MaximumPollers?: number };
  };
  const fifo = source === "sqs-fifo";
  const given = ProvisionedPollerConfig;
  const { MinimumPollers: fewest = 2, MaximumPollers: most = 200 } = given ?? {};
  const scaled = given === undefined ? mostConcurrent[fifo ? "fifo" : "standard"] : most * concurrentPerPoller;
  return {
    queueArn: String(EventSourceArn),
    fifo,
    batchSize: Number(BatchSize),
    windowMs: Number(MaximumBatchingWindowInSeconds) * 1000,
    reportsItems: (FunctionResponseTypes as readonly string[]).includes("ReportBatchItemFailures"),
    mostConcurrent: ScalingConfig?.MaximumConcurrency ?? scaled,
    pollers: given === undefined ? pollers : [fewest, most],
  };
}
