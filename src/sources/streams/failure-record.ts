import { instant, type StreamRecord } from "./records.ts";

export interface GivenUp {
  /** the last invocation with these records; undefined: there was none */
  readonly requestId: string;
  readonly functionArn: string;
  readonly condition: "RetryAttemptsExhausted" | "RecordAgeExceeded";
  readonly invocations: number;
  /** undefined: the function was not run */
  readonly response?: { readonly executedVersion: string; readonly functionError?: string };
  readonly shard: string;
  readonly streamArn: string;
  readonly records: readonly StreamRecord[];
}

/**
 * The record of what a function did not do, for an on-failure destination. Source: Developer Guide, "Retain discarded batch
 * records for a Kinesis Data Streams event source in Lambda" and "Retain discarded records for a DynamoDB event source".
 */
export function failureRecord(
  kind: "kinesis" | "dynamodb",
  { requestId, functionArn, condition, invocations, response, shard, streamArn, records }: GivenUp,
  now: number,
) {
  const [first, last] = [records[0]!, records.at(-1)!];
  const info = {
    shardId: shard,
    startSequenceNumber: first.sequence,
    endSequenceNumber: last.sequence,
    approximateArrivalOfFirstRecord: instant(first.arrived),
    approximateArrivalOfLastRecord: instant(last.arrived),
    batchSize: records.length,
    streamArn,
  };
  return {
    requestContext: { requestId, functionArn, condition, approximateInvokeCount: invocations },
    ...(response === undefined ? {} : { responseContext: { statusCode: 200, ...response } }),
    version: "1.0",
    timestamp: instant(now),
    ...(kind === "kinesis" ? { KinesisBatchInfo: info } : { DDBStreamBatchInfo: info }),
  };
}
