import assert from "node:assert/strict";
import { test } from "node:test";
import { ServiceError } from "../../model/index.ts";
import { createCounters } from "../counters.ts";
import type { LostBatch } from "../source.ts";
import { createAttempts } from "./attempts.ts";
import type { KafkaRecord } from "./event.ts";
import type { KafkaSettings } from "./settings.ts";

const plain: KafkaSettings = {
  clusterArn: undefined,
  brokers: ["b:9092"],
  topics: ["t"],
  group: "g",
  starting: "TRIM_HORIZON",
  startingAt: 0,
  batchSize: 10,
  windowMs: 0,
  retries: -1,
  mostAgeMs: undefined,
  bisect: false,
  reportsItems: false,
  failureTopic: undefined,
};
const now = 1_000_000;

/** Records named by partition and offset: `0-5`. Those in `arrivedAt` came then. */
const recordsOf = (names: readonly string[], arrivedAt: Readonly<Record<string, number>> = {}): KafkaRecord[] =>
  names.map((name) => {
    const [partition, offset] = name.split("-") as [string, string];
    const json = JSON.stringify({ name });
    return {
      lane: `t-${partition}`,
      offset: BigInt(offset),
      arrived: arrivedAt[name] ?? now,
      json,
      bytes: json.length,
    };
  });

/** What a function that does `handle` with the names of a batch makes of records. */
async function sent(
  settings: Partial<KafkaSettings>,
  records: readonly KafkaRecord[],
  handle: (names: readonly string[], turn: number) => unknown,
) {
  const calls: string[] = [];
  const over: string[] = [];
  const lost: LostBatch[] = [];
  const counters = createCounters();
  const nameOf = ({ lane, offset }: KafkaRecord) => `${lane.slice(2)}-${offset}`;
  const needs = {
    clock: () => now,
    functionArn: "arn:f",
    async invoke(payload: Buffer) {
      const event = JSON.parse(payload.toString()) as { records: Record<string, { name: string }[]> };
      const names = Object.values(event.records).flatMap((list) => list.map(({ name }) => name));
      calls.push(names.join(" "));
      const answer = handle(names, calls.length);
      const failed = answer === "fails";
      return {
        requestId: `r${calls.length}`,
        executedVersion: "$LATEST",
        ...(failed ? { functionError: "Unhandled" } : {}),
        payload: Buffer.from(JSON.stringify(answer ?? null)),
      };
    },
    async giveUp(one: LostBatch) {
      lost.push(one);
    },
    count: counters.add,
    result() {},
  };
  const finished = (done: readonly KafkaRecord[]) => over.push(...done.map(nameOf));
  const stop = new AbortController();
  await createAttempts(needs, { ...plain, ...settings }, { bootstrapServers: "b:9092", finished }, stop.signal).run(
    records,
  );
  return { calls, over, lost, counts: counters.counts };
}

test("a batch that fails is sent again until its retries are used up, and is told to the destination", async () => {
  const { calls, over, lost, counts } = await sent({ retries: 1 }, recordsOf(["0-5", "0-6", "1-9"]), () => "fails");
  assert.deepEqual(calls, ["0-5 0-6 1-9", "0-5 0-6 1-9"]);
  assert.deepEqual(over, ["0-5", "0-6", "1-9"]);
  assert.equal(counts.DroppedEventCount, 3);
  const [{ record, part, payload }] = lost as [LostBatch];
  assert.equal(part, "t-0");
  assert.deepEqual(record, {
    requestContext: {
      requestId: "r2",
      functionArn: "arn:f",
      condition: "RetryAttemptsExhausted",
      approximateInvokeCount: 2,
    },
    responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
    version: "1.0",
    timestamp: "1970-01-01T00:16:40.000Z",
    KafkaBatchInfo: {
      batchSize: 3,
      bootstrapServers: "b:9092",
      payloadSize: payload().length,
      recordsInfo: {
        "t-0": {
          firstRecordOffset: "5",
          firstRecordTimestamp: "1970-01-01T00:16:40.000Z",
          lastRecordOffset: "6",
          lastRecordTimestamp: "1970-01-01T00:16:40.000Z",
        },
        "t-1": {
          firstRecordOffset: "9",
          firstRecordTimestamp: "1970-01-01T00:16:40.000Z",
          lastRecordOffset: "9",
          lastRecordTimestamp: "1970-01-01T00:16:40.000Z",
        },
      },
    },
  });
});

test("splitting finds the record that fails, and gives up it alone", async () => {
  const all = ["0-1", "0-2", "0-3", "0-4"];
  const { over, lost } = await sent({ retries: 0, bisect: true }, recordsOf(all), (names) =>
    names.includes("0-3") ? "fails" : null,
  );
  assert.deepEqual(over, all);
  assert.deepEqual(
    lost.map(({ record }) => (record.KafkaBatchInfo as { batchSize: number }).batchSize),
    [1],
  );
});

test("of a partial answer only what is not done is sent again, in the order of its partition", async () => {
  const { calls, over } = await sent(
    { reportsItems: true },
    recordsOf(["0-1", "1-1", "0-2", "0-3", "1-2"]),
    (_names, turn) =>
      turn === 1 ? { batchItemFailures: [{ itemIdentifier: { partition: "t-0", offset: 2 } }] } : null,
  );
  // An event has its records by partition.
  assert.deepEqual(calls, ["0-1 0-2 0-3 1-1 1-2", "0-2 0-3"]);
  assert.deepEqual(over, ["0-1", "1-1", "1-2", "0-2", "0-3"]);
});

test("what is too old is given up unsent", async () => {
  const records = recordsOf(["0-1", "0-2"], { "0-1": now - 61_000 });
  const { calls, lost } = await sent({ mostAgeMs: 60_000 }, records, () => null);
  assert.deepEqual(calls, ["0-2"]);
  assert.equal((lost[0]!.record.requestContext as { condition: string }).condition, "RecordAgeExceeded");
});

test("a function that has no place now gets the same batch later", async () => {
  const { calls, over, lost } = await sent({ retries: 0 }, recordsOf(["0-1"]), (_names, turn) => {
    if (turn === 1) throw new ServiceError("TooManyRequestsException", "Rate Exceeded.");
    return null;
  });
  assert.deepEqual([calls.length, over, lost], [2, ["0-1"], []]);
});
