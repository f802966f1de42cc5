import { type ReadRecord, recordOf } from "../streams/records.ts";

/** A record of GetRecords and SubscribeToShard. */
export interface KinesisRecord {
  readonly SequenceNumber: string;
  readonly PartitionKey: string;
  /** base64 */
  readonly Data: string;
  /** seconds since the epoch, with milliseconds */
  readonly ApproximateArrivalTimestamp: number;
}

export interface KinesisSource {
  readonly region: string;
  /** of the stream or of its consumer, as the mapping has it */
  readonly sourceArn: string;
  /** the function's role */
  readonly roleArn: string;
}

/** The record as functions get it. Source: Developer Guide, "Using Lambda to process records from Amazon Kinesis Data Streams". */
export function kinesisRecord(record: KinesisRecord, shard: string, source: KinesisSource): ReadRecord {
  const { SequenceNumber: sequence, PartitionKey: key, Data: data, ApproximateArrivalTimestamp: seconds } = record;
  const item = {
    kinesis: {
      kinesisSchemaVersion: "1.0",
      partitionKey: key,
      sequenceNumber: sequence,
      data,
      approximateArrivalTimestamp: seconds,
    },
    eventSource: "aws:kinesis",
    eventVersion: "1.0",
    eventID: `${shard}:${sequence}`,
    eventName: "aws:kinesis:record",
    invokeIdentityArn: source.roleArn,
    awsRegion: source.region,
    eventSourceARN: source.sourceArn,
  };
  return recordOf(item, { sequence, key, arrived: Math.round(seconds * 1000) });
}
