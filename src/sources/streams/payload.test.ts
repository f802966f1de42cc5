import assert from "node:assert/strict";
import { test } from "node:test";
import { readAnswer } from "./answer.ts";
import { failureRecord } from "./failure-record.ts";
import { payloadOf } from "./payload.ts";
import { recordOf } from "./records.ts";

const record = recordOf({ a: 1 }, { sequence: "8", key: "k", arrived: Date.UTC(2019, 10, 14, 0, 38, 4, 835) });

test("the event of a window has the documented members in the documented order", () => {
  const start = Date.UTC(2020, 11, 9, 7, 4);
  const window = {
    window: { start, end: start + 120_000 },
    state: '{"1":282}',
    shard: "shardId-000000000006",
    sourceArn: "arn:s",
    final: false,
    early: false,
  };
  assert.equal(
    payloadOf([record, record], window).toString(),
    '{"Records":[{"a":1},{"a":1}],"window":{"start":"2020-12-09T07:04:00Z","end":"2020-12-09T07:06:00Z"},' +
      '"state":{"1":282},"shardId":"shardId-000000000006","eventSourceARN":"arn:s",' +
      '"isFinalInvokeForWindow":false,"isWindowTerminatedEarly":false}',
  );
  assert.equal(payloadOf([record]).toString(), '{"Records":[{"a":1}]}');
});

test("the record for a destination is the documented one", () => {
  const lost = {
    requestId: "c9b8fa9f-5a7f-4a1b-af9c-0c604cde93a5",
    functionArn: "arn:aws:lambda:us-east-2:123456789012:function:myfunction",
    condition: "RetryAttemptsExhausted",
    invocations: 1,
    response: { executedVersion: "$LATEST", functionError: "Unhandled" },
    shard: "shardId-000000000001",
    streamArn: "arn:aws:kinesis:us-east-2:123456789012:stream/mystream",
    records: [record],
  } as const;
  const info = {
    shardId: "shardId-000000000001",
    startSequenceNumber: "8",
    endSequenceNumber: "8",
    approximateArrivalOfFirstRecord: "2019-11-14T00:38:04.835Z",
    approximateArrivalOfLastRecord: "2019-11-14T00:38:04.835Z",
    batchSize: 1,
    streamArn: "arn:aws:kinesis:us-east-2:123456789012:stream/mystream",
  };
  const made = failureRecord("kinesis", lost, Date.UTC(2019, 10, 14, 0, 38, 6));
  assert.deepEqual(made, {
    requestContext: {
      requestId: lost.requestId,
      functionArn: lost.functionArn,
      condition: "RetryAttemptsExhausted",
      approximateInvokeCount: 1,
    },
    responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
    version: "1.0",
    timestamp: "2019-11-14T00:38:06Z",
    KinesisBatchInfo: info,
  });
  assert.deepEqual(Object.keys(failureRecord("dynamodb", lost, 0)).at(-1), "DDBStreamBatchInfo");
});

const rules = { reportsItems: true, windowed: false };
const verdict = (answer: string) => readAnswer(Buffer.from(answer), ["1", "2", "3"], rules).verdict;

for (const answer of ["", "null", "{}", '{"batchItemFailures":null}', '{"batchItemFailures":[]}']) {
  test(`a batch is done when the function answers ${answer || "nothing"}`, () => {
    assert.deepEqual(verdict(answer), { kind: "done" });
  });
}

for (const answer of [
  '{"batchItemFailures":[{"itemIdentifier":""}]}',
  '{"batchItemFailures":[{"itemIdentifier":null}]}',
  '{"batchItemFailures":[{"itemId":"2"}]}',
  '{"batchItemFailures":[{"itemIdentifier":"9"}]}',
  '{"batchItemFailures":[null]}',
  '{"batchItemFailures":"2"}',
  "{",
]) {
  test(`a batch fails as a whole when the function answers ${answer}`, () => {
    assert.deepEqual(verdict(answer), { kind: "failed", from: 0 });
  });
}

test("of several failures the first one in the shard counts", () => {
  const answer = '{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":"2"}]}';
  assert.deepEqual(verdict(answer), { kind: "failed", from: 1 });
  assert.deepEqual(readAnswer(Buffer.from(answer), ["2"], { reportsItems: false, windowed: false }).verdict, {
    kind: "done",
  });
});
