import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../tests/properties.ts";
import { type KnownShard, planShards, type Shard, type StartingPosition } from "./lineage.ts";

const shard = (id: string, parents: string[] = [], open = true): Shard => ({ id, parents, open });
const knownOf = (entries: Record<string, boolean>): Map<string, KnownShard> =>
  new Map(Object.entries(entries).map(([id, done]) => [id, { finished: done ? 1 : undefined }]));
const later = (starting: StartingPosition) => ({ starting, first: false, now: 2 });
const first = (starting: StartingPosition) => ({ starting, first: true, now: 2 });

test("both children of a split wait for their parent", () => {
  const listed = [shard("a", [], false), shard("b", ["a"]), shard("c", ["a"])];
  const before = planShards(listed, knownOf({ a: false }), later("LATEST"));
  assert.deepEqual(before.due, ["a"]);
  assert.deepEqual(before.added, [
    { id: "b", start: "TRIM_HORIZON" },
    { id: "c", start: "TRIM_HORIZON" },
  ]);
  assert.deepEqual(planShards(listed, knownOf({ a: true, b: false, c: false }), later("LATEST")).due, ["b", "c"]);
});

test("the child of a merge waits for both of its parents", () => {
  const listed = [shard("a", [], false), shard("b", [], false), shard("c", ["a", "b"])];
  assert.deepEqual(planShards(listed, knownOf({ a: true, b: false, c: false }), later("LATEST")).due, ["b"]);
  assert.deepEqual(planShards(listed, knownOf({ a: true, b: true, c: false }), later("LATEST")).due, ["c"]);
});

test("LATEST leaves out what is closed, and reads all of what comes after it", () => {
  const plan = planShards([shard("a", [], false), shard("b", ["a"])], new Map(), first("LATEST"));
  assert.deepEqual(plan.added, [
    { id: "a", start: undefined },
    { id: "b", start: "LATEST" },
  ]);
  assert.deepEqual(plan.due, ["b"]);
});

test("a list of two moments does not make a child of an open shard begin at its end", () => {
  const plan = planShards([shard("a"), shard("b", ["a"])], new Map(), first("LATEST"));
  assert.deepEqual(
    plan.added.map(({ start }) => start),
    ["LATEST", "TRIM_HORIZON"],
  );
  assert.deepEqual(plan.due, ["a"]);
});

test("a parent whose records are over keeps nobody waiting", () => {
  assert.deepEqual(planShards([shard("b", ["gone"])], new Map(), first("TRIM_HORIZON")).due, ["b"]);
});

test("shards are forgotten a day after they are done and no longer listed", () => {
  const known = new Map([["a", { finished: 0 }]]);
  const at = (hours: number) => ({ starting: "LATEST", first: false, now: hours * 3_600_000 }) as const;
  assert.deepEqual(planShards([], known, at(25)).forgotten, []);
  assert.deepEqual(planShards([], known, at(27)).forgotten, ["a"]);
  assert.deepEqual(planShards([shard("a")], known, at(27)).forgotten, []);
});

/** A stream that splits and merges at random: each step closes some open shards and puts others in their place. */
const history = fc.array(fc.tuple(fc.boolean(), fc.nat(20), fc.nat(20)), { maxLength: 12 }).map((steps) => {
  const shards = new Map<string, { parents: string[]; open: boolean }>([["0", { parents: [], open: true }]]);
  const moments = [snapshot()];
  for (const [split, one, other] of steps) {
    const open = [...shards].filter(([, { open }]) => open).map(([id]) => id);
    const a = open[one % open.length]!;
    const b = open[other % open.length]!;
    const parents = split || a === b ? [a] : [a, b];
    for (const parent of parents) shards.get(parent)!.open = false;
    for (let child = parents.length === 1 ? 2 : 1; child > 0; child--) {
      shards.set(String(shards.size), { parents, open: true });
    }
    moments.push(snapshot());
  }
  return moments;

  function snapshot(): Shard[] {
    return [...shards].map(([id, { parents, open }]) => ({ id, parents: [...parents], open }));
  }
});

test("whatever is split and merged while it is read: every shard is read once, and never before its parents", () => {
  fc.assert(
    fc.property(history, fc.infiniteStream(fc.nat(100)), (moments, chance) => {
      const known = new Map<string, KnownShard>();
      const order: string[] = [];
      for (let step = 0; step < 500; step++) {
        const now = Math.min(Math.floor(step / 3), moments.length - 1);
        const listed = moments[now]!;
        const { added, due } = planShards(listed, known, { starting: "TRIM_HORIZON", first: step === 0, now: step });
        for (const { id } of added) known.set(id, { finished: undefined });
        // Only what takes no more records can end.
        const endable = due.filter((id) => !listed.find((one) => one.id === id)!.open);
        if (endable.length === 0 && now === moments.length - 1) break;
        const ended = endable[chance.next().value! % Math.max(endable.length, 1)];
        if (ended === undefined) continue;
        assert.equal(known.get(ended)?.finished, undefined, "read twice");
        known.set(ended, { finished: step });
        order.push(ended);
      }
      const all = moments.at(-1)!;
      for (const { id, parents, open } of all) {
        if (open) continue;
        assert.ok(order.includes(id), `${id} was never read`);
        for (const parent of parents) assert.ok(order.indexOf(parent) < order.indexOf(id), `${id} before ${parent}`);
      }
    }),
    { numRuns: 60 },
  );
});
