import assert from "node:assert/strict";
import { test } from "node:test";
import { dynamoDbRecord } from "./event.ts";

const change = {
  eventID: "c4ca4238a0b923820dcc509a6f75849b",
  eventName: "INSERT",
  eventVersion: "1.1",
  eventSource: "aws:dynamodb",
  awsRegion: "us-east-1",
  dynamodb: {
    ApproximateCreationDateTime: 1479499740,
    Keys: { Id: { N: "101" } },
    NewImage: { Message: { S: "New item!" }, Id: { N: "101" } },
    SequenceNumber: "4421584500000000017450439091",
    SizeBytes: 26,
    StreamViewType: "NEW_AND_OLD_IMAGES",
  },
};
const arn = "arn:aws:dynamodb:us-east-1:123456789012:table/ExampleTable/stream/2015-06-27T00:48:05.899";

test("a change of an item is the documented element of an event", () => {
  const read = dynamoDbRecord(change, arn, 0);
  assert.deepEqual(read.item, { ...change, eventSourceARN: arn });
  assert.equal(read.arrived, 1479499740000);
  assert.equal(JSON.parse(read.json).dynamodb.OldImage, undefined);
});

test("what its time to live took away says who did it", () => {
  const userIdentity = { PrincipalId: "dynamodb.amazonaws.com", Type: "Service" };
  const read = dynamoDbRecord({ ...change, eventName: "REMOVE", userIdentity }, arn, 0);
  assert.deepEqual(read.item.userIdentity, { principalId: "dynamodb.amazonaws.com", type: "Service" });
});

test("changes of one item have one key, however its attributes are ordered", () => {
  const keyOf = (Keys: Record<string, unknown>) =>
    dynamoDbRecord({ ...change, dynamodb: { ...change.dynamodb, Keys } }, arn, 0).key;
  assert.equal(keyOf({ a: { S: "1" }, b: { S: "2" } }), keyOf({ b: { S: "2" }, a: { S: "1" } }));
  assert.notEqual(keyOf({ a: { S: "1" } }), keyOf({ a: { N: "1" } }));
});
