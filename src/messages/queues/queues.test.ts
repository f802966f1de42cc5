import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../tests/properties.ts";
import { type Bench, openBench, place } from "../testing.ts";
import type { Attributes } from "./attributes.ts";

const newQueue = ({ messages }: Bench, name: string, attributes: Attributes = {}) =>
  messages.queues.create(place, name, attributes, {});
const get = ({ messages }: Bench, name: string) => messages.queues.get(place, name);

async function send(bench: Bench, name: string, body: string, more: { group?: string; deduplication?: string } = {}) {
  const [result] = await bench.messages.queues.send(get(bench, name), [{ body, ...more }], "me");
  if (result?.ok !== true) throw result?.refusal;
  return result.value;
}

const receive = (bench: Bench, name: string, want = 10, visibilityMs = 30_000) =>
  bench.messages.queues.receive(get(bench, name), { want, visibilityMs, waitMs: 0 });
const bodies = (list: readonly { readonly body: string }[]) => list.map(({ body }) => body);
const remove = (bench: Bench, name: string, list: readonly { readonly handle: string }[]) =>
  bench.messages.queues.delete(
    get(bench, name),
    list.map(({ handle }) => handle),
  );

test("a message is gone when it has been kept long enough", async () => {
  using bench = openBench();
  await newQueue(bench, "q", { MessageRetentionPeriod: "60" });
  await send(bench, "q", "old");
  await bench.advance(30_000);
  await send(bench, "q", "new");
  await bench.advance(30_000);
  assert.deepEqual(bodies(await receive(bench, "q")), ["new"]);
});

test("what nobody receives goes all the same", async () => {
  using bench = openBench();
  await newQueue(bench, "q", { MessageRetentionPeriod: "60" });
  await send(bench, "q", "old");
  await bench.advance(120_000);
  assert.deepEqual(bench.messages.queues.counts(get(bench, "q")), { visible: 0, inFlight: 0, delayed: 0 });
});

test("a deduplication id counts for five minutes, through a restart", async () => {
  using bench = openBench();
  await newQueue(bench, "q.fifo", { FifoQueue: "true" });
  const ids = { group: "g", deduplication: "d" };
  const first = await send(bench, "q.fifo", "one", ids);
  bench.reopen();
  await bench.advance(299_000);
  assert.equal((await send(bench, "q.fifo", "two", ids)).messageId, first.messageId);
  await bench.advance(1_000);
  assert.notEqual((await send(bench, "q.fifo", "three", ids)).messageId, first.messageId);
  assert.deepEqual(bodies(await receive(bench, "q.fifo")), ["one", "three"]);
});

test("a deduplication id is of its group where the queue says so", async () => {
  using bench = openBench();
  await newQueue(bench, "q.fifo", { FifoQueue: "true", DeduplicationScope: "messageGroup" });
  await send(bench, "q.fifo", "one", { group: "a", deduplication: "d" });
  await send(bench, "q.fifo", "two", { group: "b", deduplication: "d" });
  assert.deepEqual(bodies(await receive(bench, "q.fifo")).sort(), ["one", "two"]);
});

test("an expired handle deletes nothing of a FIFO queue", async () => {
  using bench = openBench();
  await newQueue(bench, "q.fifo", { FifoQueue: "true", ContentBasedDeduplication: "true" });
  await send(bench, "q.fifo", "m", { group: "g" });
  const got = await receive(bench, "q.fifo", 1, 1000);
  await bench.advance(1000);
  const [result] = await remove(bench, "q.fifo", got);
  assert.match(result?.ok === false ? result.refusal.message : "", /Reason: The receipt handle has expired.$/);
  assert.deepEqual(bodies(await receive(bench, "q.fifo")), ["m"]);
});

test("a dead-letter queue takes from whom it allows only", async () => {
  using bench = openBench();
  const allow = (arn: string) => JSON.stringify({ redrivePermission: "byQueue", sourceQueueArns: [arn] });
  const arn = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;
  await newQueue(bench, "letters", { RedriveAllowPolicy: allow(arn("friend")) });
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arn("letters"), maxReceiveCount: 1 });
  await newQueue(bench, "friend", { RedrivePolicy });
  await assert.rejects(newQueue(bench, "stranger", { RedrivePolicy }), /does not allow/);
  await assert.rejects(newQueue(bench, "letters.fifo", { FifoQueue: "true", RedrivePolicy }), /same type of queue/);
});

test("dead letters of a FIFO queue keep their group, and go back to where they came from", async () => {
  using bench = openBench();
  const fifo = { FifoQueue: "true", ContentBasedDeduplication: "true" };
  await newQueue(bench, "letters.fifo", fifo);
  const deadLetterTargetArn = "arn:aws:sqs:us-east-1:000000000000:letters.fifo";
  await newQueue(bench, "q.fifo", {
    ...fifo,
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 1 }),
  });
  for (const body of ["1", "2", "3"]) await send(bench, "q.fifo", body, { group: "g" });
  assert.deepEqual(bodies(await receive(bench, "q.fifo", 2, 1000)), ["1", "2"]);
  await bench.advance(1000);
  assert.deepEqual(bodies(await receive(bench, "q.fifo")), ["3"]);
  const { queues } = bench.messages;
  assert.deepEqual(queues.counts(get(bench, "letters.fifo")), { visible: 2, inFlight: 0, delayed: 0 });
  await queues.startMove(deadLetterTargetArn, undefined, undefined);
  const isOver = () => queues.moves(deadLetterTargetArn, 1)[0]?.status === "COMPLETED";
  while (!isOver()) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(queues.moves(deadLetterTargetArn, 1)[0]?.moved, 2);
  assert.deepEqual(await receive(bench, "q.fifo"), []);
  await bench.advance(30_000);
  assert.deepEqual(bodies(await receive(bench, "q.fifo")), ["1", "2"]);
});

test("counts are right after everything that changes them", async () => {
  using bench = openBench();
  await newQueue(bench, "q");
  const counts = () => bench.messages.queues.counts(get(bench, "q"));
  assert.deepEqual(counts(), { visible: 0, inFlight: 0, delayed: 0 });
  for (const body of ["1", "2", "3"]) await send(bench, "q", body);
  await bench.messages.queues.send(get(bench, "q"), [{ body: "4", delay: 10 }], "me");
  const got = await receive(bench, "q", 2);
  assert.deepEqual(counts(), { visible: 1, inFlight: 2, delayed: 1 });
  await remove(bench, "q", got.slice(0, 1));
  await bench.advance(30_000);
  assert.deepEqual(counts(), { visible: 3, inFlight: 0, delayed: 0 });
  bench.reopen();
  assert.deepEqual(counts(), { visible: 3, inFlight: 0, delayed: 0 });
  await bench.messages.queues.purge(get(bench, "q"));
  assert.deepEqual(counts(), { visible: 0, inFlight: 0, delayed: 0 });
});

/** What a FIFO queue must do, in memory. */
interface Modelled {
  readonly body: string;
  readonly group: string;
  due: number;
  receives: number;
}

type Step =
  | { readonly kind: "send"; readonly group: string }
  | { readonly kind: "receive"; readonly want: number; readonly visibilityMs: number }
  | { readonly kind: "delete"; readonly which: number }
  | { readonly kind: "visibility"; readonly which: number; readonly seconds: number }
  | { readonly kind: "advance"; readonly ms: number }
  | { readonly kind: "reopen" };

const group = fc.constantFrom("a", "b", "c");
const which = fc.nat(20);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("send" as const), group }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("receive" as const),
      want: fc.integer({ min: 1, max: 10 }),
      visibilityMs: fc.constantFrom(1000, 5000),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("delete" as const), which }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("visibility" as const), which, seconds: fc.constantFrom(0, 3) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("advance" as const), ms: fc.constantFrom(500, 1000, 6000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reopen" as const) }) },
);

/** Of each group that has nothing out, its messages from the first one on; nothing of the others. */
function available(model: readonly Modelled[], now: number): Map<string, string[]> {
  const open = new Map<string, string[]>();
  const blocked = new Set(model.filter(({ due, receives }) => due > now && receives > 0).map((one) => one.group));
  for (const one of model) {
    if (!blocked.has(one.group)) open.set(one.group, [...(open.get(one.group) ?? []), one.body]);
  }
  return open;
}

test("a FIFO queue does what the model says, whatever is asked of it in whichever order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      using bench = openBench();
      await newQueue(bench, "q.fifo", { FifoQueue: "true" });
      const model: Modelled[] = [];
      const handles: { handle: string; body: string; receives: number }[] = [];
      let sent = 0;
      for (const one of steps) {
        const queue = get(bench, "q.fifo");
        if (one.kind === "send") {
          sent += 1;
          const body = `${sent}`;
          await send(bench, "q.fifo", body, { group: one.group, deduplication: body });
          model.push({ body, group: one.group, due: bench.now, receives: 0 });
        } else if (one.kind === "receive") {
          const open = available(model, bench.now);
          const got = await receive(bench, "q.fifo", one.want, one.visibilityMs);
          const all = [...open.values()].flat();
          assert.equal(got.length, Math.min(one.want, all.length));
          for (const [name, inOrder] of open) {
            const ofGroup = got.filter(({ system }) => system.MessageGroupId === name).map(({ body }) => body);
            assert.deepEqual(ofGroup, inOrder.slice(0, ofGroup.length));
          }
          for (const { body, handle } of got) {
            const known = model.find((message) => message.body === body);
            assert.ok(known !== undefined);
            known.due = bench.now + one.visibilityMs;
            known.receives += 1;
            handles.push({ handle, body, receives: known.receives });
          }
        } else if (one.kind === "delete" || one.kind === "visibility") {
          const held = handles[one.which];
          if (held === undefined) continue;
          const known = model.find(({ body }) => body === held.body);
          const current = known !== undefined && known.receives === held.receives && known.due > bench.now;
          const { handle } = held;
          const [result] =
            one.kind === "delete"
              ? await bench.messages.queues.delete(queue, [handle])
              : await bench.messages.queues.changeVisibility(queue, [{ handle, seconds: one.seconds }]);
          assert.equal(result?.ok, current || (known === undefined && one.kind === "delete"));
          if (!current) continue;
          if (one.kind === "delete") model.splice(model.indexOf(known), 1);
          else known.due = bench.now + one.seconds * 1000;
        } else if (one.kind === "advance") await bench.advance(one.ms);
        else bench.reopen();
        const { visible, inFlight } = bench.messages.queues.counts(get(bench, "q.fifo"));
        assert.equal(visible + inFlight, model.length);
      }
    }),
    { numRuns: 30 },
  );
});
