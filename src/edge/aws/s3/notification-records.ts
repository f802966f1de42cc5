import type { NewBusEvent } from "../../../buses/index.ts";
import type { BucketRecord } from "../../../objects/index.ts";
import type { Exchange } from "../service.ts";
import { canonicalId, type Happening } from "./call.ts";

/** What happened, and by whose request. */
export interface Story {
  readonly bucket: BucketRecord;
  readonly event: Happening;
  readonly exchange: Pick<Exchange, "request" | "requestId" | "caller">;
  /** later ones of one key are larger */
  readonly sequencer: string;
  /** milliseconds since the epoch */
  readonly now: number;
}

export const hostId = (requestId: string): string => Buffer.from(`thaw/${requestId}`).toString("base64");

const addressOf = ({ request }: Story["exchange"]): string =>
  request.socket.remoteAddress?.replace(/^::ffff:/, "") ?? "127.0.0.1";

/** What functions, queues and topics get. Source: S3 User Guide, "Event message structure", version 2.1. */
export function messageOf({ bucket, event, exchange, sequencer, now }: Story, configurationId: string): object {
  const { requestId, caller } = exchange;
  const record = {
    eventVersion: "2.1",
    eventSource: "aws:s3",
    awsRegion: bucket.region,
    eventTime: new Date(now).toISOString(),
    eventName: event.name,
    userIdentity: { principalId: `AWS:${caller.principal?.userId ?? caller.account}` },
    requestParameters: { sourceIPAddress: addressOf(exchange) },
    responseElements: { "x-amz-request-id": requestId, "x-amz-id-2": hostId(requestId) },
    s3: {
      s3SchemaVersion: "1.0",
      configurationId,
      bucket: {
        name: bucket.name,
        ownerIdentity: { principalId: canonicalId(bucket.account) },
        arn: `arn:aws:s3:::${bucket.name}`,
      },
      object: {
        // As a form's value is written: a space is a plus.
        key: encodeURIComponent(event.key).replaceAll("%20", "+").replaceAll("%2F", "/"),
        size: event.size,
        eTag: event.etag,
        versionId: event.version,
        sequencer,
      },
    },
  };
  return { Records: [record] };
}

/** What a queue or a topic gets when it is first named. Source: the same guide, "Event message structure". */
export const testMessage = ({ name }: BucketRecord, requestId: string, now: number): object => ({
  Service: "Amazon S3",
  Event: "s3:TestEvent",
  Time: new Date(now).toISOString(),
  Bucket: name,
  RequestId: requestId,
  HostId: hostId(requestId),
});

const kinds: Readonly<Record<string, { readonly type: string; readonly reason?: string; readonly deletion?: string }>> =
  {
    "ObjectCreated:Put": { type: "Object Created", reason: "PutObject" },
    "ObjectCreated:Post": { type: "Object Created", reason: "POST Object" },
    "ObjectCreated:Copy": { type: "Object Created", reason: "CopyObject" },
    "ObjectCreated:CompleteMultipartUpload": { type: "Object Created", reason: "CompleteMultipartUpload" },
    "ObjectRemoved:Delete": { type: "Object Deleted", reason: "DeleteObject", deletion: "Permanently Deleted" },
    "ObjectRemoved:DeleteMarkerCreated": {
      type: "Object Deleted",
      reason: "DeleteObject",
      deletion: "Delete Marker Created",
    },
    "ObjectTagging:Put": { type: "Object Tags Added" },
    "ObjectTagging:Delete": { type: "Object Tags Deleted" },
  };

/** What the default event bus gets; undefined: it is not told of such. Source: the same guide, "EventBridge event message structure". */
export function busEventOf({ bucket, event, exchange, sequencer, now }: Story): NewBusEvent | undefined {
  const kind = kinds[event.name];
  if (kind === undefined) return undefined;
  const { requestId, caller } = exchange;
  const detail = {
    version: "0",
    bucket: { name: bucket.name },
    object: { key: event.key, size: event.size, etag: event.etag, "version-id": event.version, sequencer },
    "request-id": requestId,
    requester: caller.account,
    "source-ip-address": addressOf(exchange),
    reason: kind.reason,
    "deletion-type": kind.deletion,
  };
  return {
    source: "aws.s3",
    detailType: kind.type,
    detail: JSON.stringify(detail),
    account: bucket.account,
    region: bucket.region,
    resources: [`arn:aws:s3:::${bucket.name}`],
    time: now,
  };
}
