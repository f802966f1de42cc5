import { type ReadRecord, recordOf } from "../streams/records.ts";

/** A record of DynamoDB Streams' GetRecords. */
export interface DynamoDbRecord {
  readonly eventID: string;
  readonly eventName: string;
  readonly eventVersion: string;
  readonly eventSource: string;
  readonly awsRegion: string;
  readonly dynamodb: {
    /** seconds since the epoch */
    readonly ApproximateCreationDateTime?: number;
    readonly Keys?: Readonly<Record<string, unknown>>;
    readonly NewImage?: unknown;
    readonly OldImage?: unknown;
    readonly SequenceNumber: string;
    readonly SizeBytes?: number;
    readonly StreamViewType?: string;
  };
  /** of items that their time to live took away */
  readonly userIdentity?: { readonly PrincipalId?: string; readonly Type?: string } | null;
}

/** The record as functions get it. Source: Developer Guide, "Using AWS Lambda with Amazon DynamoDB"; DynamoDB Developer Guide, "DynamoDB Streams and Time to Live". */
export function dynamoDbRecord(record: DynamoDbRecord, sourceArn: string, now: number): ReadRecord {
  const { ApproximateCreationDateTime: seconds, ...change } = record.dynamodb;
  const { Keys, NewImage, OldImage, SequenceNumber, SizeBytes, StreamViewType } = change;
  const { userIdentity } = record;
  const item = {
    eventID: record.eventID,
    eventName: record.eventName,
    eventVersion: record.eventVersion,
    eventSource: "aws:dynamodb",
    awsRegion: record.awsRegion,
    dynamodb: {
      ...(seconds === undefined ? {} : { ApproximateCreationDateTime: seconds }),
      ...(Keys === undefined ? {} : { Keys }),
      ...(NewImage === undefined ? {} : { NewImage }),
      ...(OldImage === undefined ? {} : { OldImage }),
      SequenceNumber,
      ...(SizeBytes === undefined ? {} : { SizeBytes }),
      ...(StreamViewType === undefined ? {} : { StreamViewType }),
    },
    ...(userIdentity ? { userIdentity: { principalId: userIdentity.PrincipalId, type: userIdentity.Type } } : {}),
    eventSourceARN: sourceArn,
  };
  const key = JSON.stringify(Object.entries(Keys ?? {}).sort(([one], [other]) => (one < other ? -1 : 1)));
  return recordOf(item, { sequence: SequenceNumber, key, arrived: seconds === undefined ? now : seconds * 1000 });
}
