import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { DeliveryRefused } from "./refused.ts";
import { type Bench, type BenchOptions, epoch, openBench, owner } from "./testing.ts";

const folder = mkdtempSync(join(tmpdir(), "thaw-queue-"));
let path = "";
let count = 0;
beforeEach(() => {
  count += 1;
  path = join(folder, `${count}.sqlite`);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const minute = 60_000;
const hour = 60 * minute;
const sqs = "arn:aws:sqs:us-east-1:000000000000:fates";
const open = (options: Omit<BenchOptions, "path">): Bench => openBench({ path, ...options });
const fails = () => {
  throw new TypeError("no");
};
const waiting = (bench: Bench) => {
  const counted = bench.queue.depths().reduce((sum, { events }) => sum + events, 0);
  assert.equal(bench.queue.waiting(), counted);
  return counted;
};
const record = (bench: Bench, index = 0) => JSON.parse(bench.deliveries[index]!.body.toString("utf8"));

test("the record of a failure says what AWS's says", async () => {
  const bench = open({ functions: { f: fails }, settings: { f: { maximumRetryAttempts: 1, onFailure: sqs } } });
  const requestId = await bench.send("f", { big: 1 });
  await bench.advance(hour);
  assert.equal(bench.deliveries.length, 1);
  assert.deepEqual(record(bench), {
    version: "1.0",
    timestamp: new Date(epoch + minute).toISOString(),
    requestContext: {
      requestId,
      functionArn: "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST",
      condition: "RetriesExhausted",
      approximateInvokeCount: 2,
    },
    requestPayload: { big: 1 },
    responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
    responsePayload: { errorType: "TypeError", errorMessage: "no" },
  });
  assert.equal(waiting(bench), 0);
  await bench.close();
});

test("the record of a success has the answer, and no error", async () => {
  const bench = open({ functions: { f: () => [1] }, settings: { f: { onSuccess: sqs, onFailure: `${sqs}-2` } } });
  await bench.send("f", { a: 2 });
  await bench.settle();
  const { requestContext, responseContext, responsePayload } = record(bench);
  assert.equal(requestContext.condition, "Success");
  assert.equal(requestContext.approximateInvokeCount, 1);
  assert.deepEqual(responseContext, { statusCode: 200, executedVersion: "$LATEST" });
  assert.deepEqual(responsePayload, [1]);
  assert.equal(bench.deliveries[0]!.arn, sqs);
  await bench.close();
});

test("numbers of an event that JavaScript cannot hold are in its record as they came", async () => {
  const bench = open({ functions: { f: () => 1 }, settings: { f: { onSuccess: sqs } } });
  const invocation = { requestId: "r", invokedArn: "f", tail: false, received: 0 };
  const target = { ...owner, name: "f", version: "$LATEST" } as never;
  await bench.queue.accept({ ...invocation, target, payload: Buffer.from('{"n":12345678901234567890}') }, undefined);
  await bench.settle();
  assert.match(bench.deliveries[0]!.body.toString(), /"requestPayload":\{"n":12345678901234567890\}/);
  await bench.close();
});

test("an event that failed goes to the dead-letter queue as it came, with why in its attributes", async () => {
  const bench = open({ functions: { f: fails }, deadLetterArn: sqs, settings: { f: { maximumRetryAttempts: 0 } } });
  const requestId = await bench.send("f", { a: 3 });
  await bench.settle();
  const [letter] = bench.deliveries;
  assert.equal(letter?.body.toString(), '{"a":3}');
  assert.ok(letter?.kind === "dead-letter");
  assert.deepEqual(letter.attributes, { RequestID: requestId, ErrorCode: "200", ErrorMessage: "no" });
  await bench.close();
});

test("a function as destination gets the record as its event", async () => {
  const onSuccess = "arn:aws:lambda:us-east-1:000000000000:function:g";
  const bench = open({ functions: { f: () => "a", g: () => "b" }, settings: { f: { onSuccess } } });
  await bench.send("f", 7);
  await bench.settle();
  assert.deepEqual(
    bench.runs.map(({ name }) => name),
    ["f", "g"],
  );
  const given = bench.runs[1]!.event as { requestPayload: unknown; responsePayload: unknown };
  assert.deepEqual([given.requestPayload, given.responsePayload], [7, "a"]);
  assert.notEqual(bench.runs[0]!.requestId, bench.runs[1]!.requestId);
  await bench.close();
});

test("a record that cannot be delivered is tried again, counted, and given up when it is refused", async () => {
  let answers = 0;
  const bench = open({
    functions: { f: () => 1 },
    settings: { f: { onSuccess: sqs } },
    async deliver() {
      answers += 1;
      if (answers < 3) throw new Error("nobody there");
      if (answers === 3) throw new DeliveryRefused("no such queue");
    },
  });
  await bench.send("f");
  await bench.advance(hour);
  assert.equal(answers, 3);
  assert.equal(bench.runs.length, 1, "the function itself does not run again");
  assert.equal(bench.queue.counts.destinationDeliveryFailures, 3);
  assert.equal(waiting(bench), 0);
  assert.match(bench.notes.join(), /no such queue/);
  await bench.close();
});

test("a record is still delivered after a kill", async () => {
  const functions = { f: () => 1 };
  const settings = { f: { onSuccess: sqs } };
  const first = open({ functions, settings, deliver: () => new Promise(() => {}) });
  await first.send("f", 5);
  await first.settle();
  await first.kill();
  const second = open({ functions, settings });
  await second.settle();
  assert.equal(second.runs.length, 0);
  assert.equal(record(second).requestPayload, 5);
  await second.close();
});
