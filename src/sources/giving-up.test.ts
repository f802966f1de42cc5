import assert from "node:assert/strict";
import { test } from "node:test";
import type { MappingRecord } from "../registry/index.ts";
import { postingOf } from "./giving-up.ts";

const role = "arn:aws:iam::000000000000:role/r";

const mapping = (Destination?: string): MappingRecord => ({
  account: "000000000000",
  region: "us-east-1",
  name: "us-east-1 u",
  uuid: "u",
  source: "kinesis",
  functionName: "f",
  enabled: true,
  lastModified: 0,
  settings: { DestinationConfig: { OnFailure: Destination === undefined ? {} : { Destination } } },
  tags: {},
});
const lost = { record: { version: "1.0" }, part: "shard-0", payload: () => '{"Records":[]}' };
const now = Date.UTC(2026, 1, 3, 4, 5, 6);

test("a mapping without a destination tells nobody", () => {
  assert.equal(postingOf(mapping(), lost, now, role), undefined);
});

test("a queue or a topic gets the record", () => {
  const arn = "arn:aws:sqs:us-east-1:000000000000:q";
  const posting = postingOf(mapping(arn), lost, now, role);
  assert.equal(posting?.to === "target" && posting.arn, arn);
  assert.equal(posting?.payload.toString("utf8"), '{"version":"1.0"}');
});

test("a bucket gets the record with the event, under the mapping, the shard and the moment", () => {
  const posting = postingOf(mapping("arn:aws:s3:::b"), lost, now, role);
  assert.ok(posting?.to === "target");
  assert.deepEqual(JSON.parse(posting.payload.toString("utf8")), { version: "1.0", payload: '{"Records":[]}' });
  assert.match(
    posting.parameters?.Key ?? "",
    /^aws\/lambda\/u\/shard-0\/2026\/02\/03\/2026-02-03T04\.05\.06-[0-9a-f-]{36}$/,
  );
});
