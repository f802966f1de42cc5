import assert from "node:assert/strict";
import { test } from "node:test";
import { embeddedMetrics } from "./embedded.ts";

const now = 1_800_000_000_000;

const line = (more: object = {}, directive: object = {}) =>
  JSON.stringify({
    _aws: {
      Timestamp: now,
      CloudWatchMetrics: [
        {
          Namespace: "Shop",
          Dimensions: [["Kind"], ["Kind", "Place"]],
          Metrics: [{ Name: "Time", Unit: "Milliseconds" }, { Name: "Sold" }],
          ...directive,
        },
      ],
    },
    Kind: "book",
    Place: 7,
    Time: [1, 2, 3],
    Sold: 2,
    ...more,
  });

test("each metric is there for each set of dimensions, with its unit and all its values", () => {
  const found = embeddedMetrics(line(), now).map(({ series, at, sketch }) => [
    series.namespace,
    series.name,
    series.unit,
    series.dimensions.map(({ name, value }) => `${name}=${value}`).join(),
    at,
    sketch.count,
    sketch.sum,
  ]);
  assert.deepEqual(found, [
    ["Shop", "Time", "Milliseconds", "Kind=book", now, 3, 6],
    ["Shop", "Time", "Milliseconds", "Kind=book,Place=7", now, 3, 6],
    ["Shop", "Sold", "None", "Kind=book", now, 1, 2],
    ["Shop", "Sold", "None", "Kind=book,Place=7", now, 1, 2],
  ]);
});

test("a log in JSON that has the document within is understood", () => {
  assert.equal(embeddedMetrics(`{"level":"INFO","message":${line()}}`, now).length, 4);
});

test("what is not well made is a line like any other", () => {
  for (const [message, left] of [
    ["START RequestId", 0],
    ['{"CloudWatchMetrics"', 0],
    ['{"_aws":{"CloudWatchMetrics":[null]}}', 0],
    [line({ Time: "fast", Sold: null }), 0],
    [line({ Kind: { of: "book" } }), 0],
    [line({ Place: undefined }), 2],
    [line({}, { Namespace: "AWS/Lambda" }), 0],
    [line({}, { Metrics: [{ Name: "constructor" }] }), 0],
    [line().replace(String(now), "0"), 0],
  ] as const) {
    assert.equal(embeddedMetrics(message, now).length, left, message);
  }
});
