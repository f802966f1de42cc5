import type { Invoked } from "../source.ts";
import type { KafkaRecord } from "./event.ts";

export interface KafkaGivenUp {
  readonly functionArn: string;
  readonly condition: "RetryAttemptsExhausted" | "RecordAgeExceeded";
  readonly invocations: number;
  /** the last invocation with these records; undefined: there was none */
  readonly last: Invoked | undefined;
  readonly records: readonly KafkaRecord[];
  readonly clusterArn: string | undefined;
  readonly bootstrapServers: string;
  /** bytes of the event */
  readonly payloadSize: number;
}

/** the last moment that a calendar has: producers may say any */
const latestMs = 8.64e15;
const instant = (ms: number): string => new Date(Math.min(Math.max(ms, -latestMs), latestMs)).toISOString();

/**
 * The record of what a function did not do, for an on-failure destination. Source: Developer Guide, "Capturing discarded batches
 * for an Amazon MSK and self-managed Apache Kafka event source".
 */
export function kafkaFailureRecord(lost: KafkaGivenUp, now: number): Readonly<Record<string, unknown>> {
  const { functionArn, condition, invocations, last, records, clusterArn, bootstrapServers, payloadSize } = lost;
  const recordsInfo: Record<string, Record<string, string>> = {};
  for (const { lane, offset, arrived } of records) {
    recordsInfo[lane] ??= { firstRecordOffset: String(offset), firstRecordTimestamp: instant(arrived) };
    Object.assign(recordsInfo[lane], { lastRecordOffset: String(offset), lastRecordTimestamp: instant(arrived) });
  }
  const functionError = last?.functionError;
  return {
    requestContext: {
      requestId: last?.requestId ?? "",
      functionArn,
      condition,
      approximateInvokeCount: invocations,
    },
    ...(last === undefined
      ? {}
      : {
          responseContext: {
            statusCode: 200,
            executedVersion: last.executedVersion,
            ...(functionError === undefined ? {} : { functionError }),
          },
        }),
    version: "1.0",
    timestamp: instant(now),
    KafkaBatchInfo: {
      batchSize: records.length,
      ...(clusterArn === undefined ? {} : { eventSourceArn: clusterArn }),
      bootstrapServers,
      payloadSize,
      recordsInfo,
    },
  };
}
