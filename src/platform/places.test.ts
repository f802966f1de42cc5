import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf } from "../config.ts";
import { createPlaces } from "./places.ts";

const placesOf = (env: Record<string, string>) =>
  createPlaces(configOf({}, env), {
    endpoint: () => "http://own",
    ofAccount: (account, roleArn) => ({ accessKeyId: roleArn ?? account, secretAccessKey: "s" }),
  });

test("a source is where its mapping says, where its service is said to be, here, or upstream of everything", () => {
  const both = placesOf({ THAW_UPSTREAM: "http://all", THAW_UPSTREAM_SQS: "http://queues" });
  assert.equal(both.source("sqs", "1", "http://named", undefined).url, "http://named");
  assert.equal(both.source("sqs", "1", undefined, undefined).url, "http://queues");
  assert.equal(both.source("kinesis", "1", undefined, undefined).url, "http://all");
  const all = placesOf({ THAW_UPSTREAM: "http://all" });
  assert.equal(all.source("sqs", "1", undefined, undefined).url, "http://own");
});

test("here it is read as the function's role, elsewhere with the operator's credentials", () => {
  const places = placesOf({ AWS_ACCESS_KEY_ID: "operator" });
  assert.equal(places.source("sqs", "1", undefined, "role").credentials.accessKeyId, "role");
  assert.equal(places.source("sqs", "1", "http://named", "role").credentials.accessKeyId, "operator");
});

test("a service that is nowhere is an error that says what to tell the platform", () => {
  assert.throws(
    () => placesOf({}).source("kinesis", "1", undefined, undefined),
    /thaw:endpoint or THAW_UPSTREAM_KINESIS/,
  );
});

test("records go upstream, where there is one, and here otherwise", () => {
  assert.equal(placesOf({ THAW_UPSTREAM: "http://all" }).destination("sqs", "1").url, "http://all");
  assert.equal(
    placesOf({ THAW_UPSTREAM: "http://all", THAW_UPSTREAM_SNS: "http://t" }).destination("sns", "1").url,
    "http://t",
  );
  assert.deepEqual(placesOf({}).destination("sqs", "1"), {
    url: "http://own",
    credentials: { accessKeyId: "1", secretAccessKey: "s" },
  });
});
