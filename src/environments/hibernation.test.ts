import assert from "node:assert/strict";
import { test } from "node:test";
import { openRig } from "./testing.ts";

const source = `
  const held = Array.from({ length: 1000 }, (_, n) => "kept " + n);
  exports.handler = async () => held.length;`;

async function until(is: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!is()) {
    if (Date.now() > deadline) throw new Error("not within 10 s");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test("an idle environment gives its memory back and stays, and its next call is a warm one", async () => {
  await using rig = await openRig({ snapshots: "off", reclaimEveryMs: 20, hibernateAfterMs: 0 });
  const target = rig.version(source);
  await rig.call(target);
  await until(() => rig.environments.list()[0]?.hibernated === true);
  const [asleep] = rig.environments.list();
  assert.equal(asleep?.state, "frozen");
  assert.deepEqual(await rig.call(target), { start: "warm", answer: 1000 });
  const [awake] = rig.environments.list();
  assert.deepEqual([awake?.id, awake?.hibernated], [asleep?.id, false]);
});

test("one that is kept for provisioned concurrency never hibernates", async () => {
  await using rig = await openRig({ snapshots: "off", reclaimEveryMs: 20, hibernateAfterMs: 0 });
  const kept = rig.version(source, { name: "kept" });
  const other = rig.version(source, { name: "other" });
  rig.environments.provision(kept, 1);
  await until(() => rig.environments.list().some(({ provisioned, state }) => provisioned && state === "frozen"));
  await rig.call(other);
  await until(() => rig.environments.list().some(({ hibernated }) => hibernated));
  const asleep = rig.environments.list().filter(({ hibernated }) => hibernated);
  assert.deepEqual(
    asleep.map((each) => each.function),
    ["other"],
  );
});
