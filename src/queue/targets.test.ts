import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { ToTarget } from "../model/index.ts";
import { DeliveryRefused } from "./refused.ts";
import { openBench, owner } from "./testing.ts";

const folder = mkdtempSync(join(tmpdir(), "thaw-targets-"));
after(() => rmSync(folder, { recursive: true }));

const letters = { arn: "arn:aws:sqs:us-east-1:000000000000:letters", attributes: { RULE_ARN: "the rule" } };
const target: ToTarget = {
  ...owner,
  to: "target",
  name: "rule",
  arn: "arn:aws:sqs:us-east-1:000000000000:queue",
  payload: Buffer.from('{"n":1}'),
  letters,
};

test("what is posted together runs functions and is sent to targets", async () => {
  const bench = await openBench({ path: join(folder, "one.sqlite"), functions: { f: () => 1 } });
  const payload = Buffer.from('{"a":1.0}');
  await bench.queue.post([{ to: "function", ...owner, name: "f", invokedArn: "arn", payload }, target]);
  await bench.settle();
  assert.deepEqual(
    bench.runs.map(({ event }) => event),
    [{ a: 1 }],
  );
  const [sent] = bench.deliveries;
  assert.equal(sent?.arn, target.arn);
  assert.equal(sent?.body.toString(), '{"n":1}');
  assert.equal(bench.queue.waiting(), 0);
  await bench.close();
});

test("a target that does not answer is asked as often as its rule says, and then the event is a dead letter", async () => {
  let tries = 0;
  const bench = await openBench({
    path: join(folder, "two.sqlite"),
    functions: {},
    async deliver({ kind }) {
      if (kind !== "event") return;
      tries += 1;
      throw new Error("503 busy");
    },
  });
  await bench.queue.post([{ ...target, retries: 3 }]);
  await bench.advance(60_000);
  assert.equal(tries, 4);
  const letter = bench.deliveries.at(-1);
  assert.ok(letter?.kind === "dead-letter");
  assert.equal(letter.arn, letters.arn);
  assert.deepEqual(letter.attributes, {
    RULE_ARN: "the rule",
    ERROR_CODE: "ERROR_FROM_TARGET",
    ERROR_MESSAGE: "503 busy",
    EXHAUSTED_RETRY_CONDITION: "MaximumRetryAttempts",
    RETRY_ATTEMPTS: "3",
  });
  assert.equal(bench.queue.waiting(), 0);
  await bench.close();
});

test("an event that has become too old is a dead letter, its age counted from when it was due", async () => {
  const bench = await openBench({
    path: join(folder, "three.sqlite"),
    functions: {},
    async deliver({ kind }) {
      if (kind === "event") throw new Error("connect ECONNREFUSED");
    },
  });
  await bench.queue.post([{ ...target, ageSeconds: 60, since: bench.now() - 55_000 }]);
  await bench.advance(10_000);
  const letter = bench.deliveries.at(-1);
  assert.ok(letter?.kind === "dead-letter");
  assert.equal(letter.attributes.EXHAUSTED_RETRY_CONDITION, "MaximumEventAgeInSeconds");
  assert.equal(letter.attributes.ERROR_CODE, "CONNECTION_FAILURE");
  await bench.close();
});

test("what was refused is not tried again; what was refused before is not tried at all", async () => {
  let tries = 0;
  const bench = await openBench({
    path: join(folder, "four.sqlite"),
    functions: {},
    async deliver({ kind }) {
      if (kind !== "event") return;
      tries += 1;
      throw new DeliveryRefused("400 AWS.SimpleQueueService.NonExistentQueue");
    },
  });
  await bench.queue.post([target]);
  await bench.advance(600_000);
  assert.equal(tries, 1);
  const codes = () =>
    bench.deliveries.flatMap((one) => (one.kind === "dead-letter" ? [one.attributes.ERROR_CODE] : []));
  assert.deepEqual(codes(), ["NO_RESOURCE"]);
  const refused = { code: "NO_PERMISSIONS", message: "no" };
  await bench.queue.post([
    { ...target, refused },
    { ...target, letters: undefined, refused },
  ]);
  await bench.settle();
  assert.equal(tries, 1);
  assert.deepEqual(codes(), ["NO_RESOURCE", "NO_PERMISSIONS"]);
  assert.equal(bench.queue.waiting(), 0);
  await bench.close();
});

test("what was posted is sent after a kill", async () => {
  const path = join(folder, "five.sqlite");
  const before = await openBench({ path, functions: {}, deliver: () => new Promise(() => {}) });
  await before.queue.post([target]);
  await before.kill();
  const bench = await openBench({ path, functions: {} });
  await bench.settle();
  assert.equal(bench.deliveries.length, 1);
  await bench.close();
});
