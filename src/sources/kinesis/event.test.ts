import assert from "node:assert/strict";
import { test } from "node:test";
import { kinesisRecord } from "./event.ts";

test("a record of a stream is the documented element of an event", () => {
  const sequence = "49590338271490256608559692538361571095921575989136588898";
  const read = kinesisRecord(
    {
      SequenceNumber: sequence,
      PartitionKey: "1",
      Data: "SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==",
      ApproximateArrivalTimestamp: 1545084650.987,
    },
    "shardId-000000000006",
    {
      region: "us-east-2",
      sourceArn: "arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream",
      roleArn: "arn:aws:iam::123456789012:role/lambda-role",
    },
  );
  assert.equal(
    read.json,
    `{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"1","sequenceNumber":"${sequence}",` +
      '"data":"SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==","approximateArrivalTimestamp":1545084650.987},' +
      `"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-000000000006:${sequence}",` +
      '"eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::123456789012:role/lambda-role",' +
      '"awsRegion":"us-east-2","eventSourceARN":"arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream"}',
  );
  assert.deepEqual(
    [read.sequence, read.key, read.arrived, read.bytes],
    [sequence, "1", 1545084650987, read.json.length],
  );
});
