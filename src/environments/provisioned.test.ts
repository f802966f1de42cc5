import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openRig, type Rig } from "./testing.ts";

/** Provisioned concurrency on real environments. */
let rig: Rig;
before(async () => {
  rig = await openRig();
});
after(() => rig[Symbol.asyncDispose]());

const teller = `
  let asked = 0;
  exports.handler = async ({ ms = 0, end }) => {
    if (end) process.exit(1);
    await new Promise((go) => setTimeout(go, ms));
    return { asked: ++asked, as: process.env.AWS_LAMBDA_INITIALIZATION_TYPE };
  };`;

async function until(is: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!is()) {
    if (Date.now() > deadline) throw new Error("not within 10 s");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
const living = (key: string) => rig.environments.list().filter(({ function: name }) => name === key);

test("as many environments as were asked for are initialised ahead, used first, and more are made beyond them", async () => {
  const target = rig.version(teller, { name: "ahead" });
  rig.environments.provision(target, 2);
  await until(() => rig.environments.provisioned(target).available === 2);
  const calls = await Promise.all([1, 2, 3].map(() => rig.call(target, { ms: 300 })));
  const answers = calls.map(({ answer }) => answer as { asked: number; as: string });
  assert.deepEqual(
    answers.map(({ as }) => as),
    ["provisioned-concurrency", "provisioned-concurrency", "on-demand"],
  );
  assert.deepEqual(rig.environments.provisioned(target), { allocated: 2, available: 2, inUse: 0 });
  for (let n = 0; n < 4; n++) {
    const { answer } = await rig.call(target);
    assert.equal((answer as { as: string }).as, "provisioned-concurrency");
  }
});

test("those that run something are in use, and only of the kept ones", async () => {
  const target = rig.version(teller, { name: "used" });
  rig.environments.provision(target, 2);
  await until(() => rig.environments.provisioned(target).available === 2);
  const calls = [1, 2, 3].map(() => rig.call(target, { ms: 300 }));
  await until(() => rig.environments.provisioned(target).inUse === 2);
  await Promise.all(calls);
  // an environment that has had its first event answers before it rests
  await until(() => rig.environments.provisioned(target).inUse === 0);
  rig.environments.provision(target, 0);
});

test("what finds no room in memory is told, and is not the function's failure", async () => {
  await using small = await openRig({ memoryBudgetBytes: 1 });
  const target = small.version(teller, { name: "crowded" });
  small.environments.provision(target, 1);
  assert.match(small.environments.provisioned(target).failure!, /no room/);
  assert.notEqual(small.environments.provisioned(target).initFailed, true);
});

test("one that ends is replaced, and less is kept when less is asked for", async () => {
  const target = rig.version(teller, { name: "replaced" });
  rig.environments.provision(target, 2);
  await until(() => rig.environments.provisioned(target).available === 2);
  const before = living("replaced").map(({ id }) => id);
  await rig.call(target, { end: true });
  await until(() => rig.environments.provisioned(target).available === 2);
  const replaced = living("replaced").filter(({ id }) => !before.includes(id));
  assert.equal(replaced.length, 1);
  rig.environments.provision(target, 1);
  await until(() => living("replaced").length === 1);
  assert.deepEqual(rig.environments.provisioned(target), { allocated: 1, available: 1, inUse: 0 });
  rig.environments.provision(target, 0);
  await until(() => living("replaced").length === 0);
});

test("an init that fails is told, and none of it is kept", async () => {
  const target = rig.version("throw new Error('no')", { name: "broken" });
  rig.environments.provision(target, 1);
  await until(() => rig.environments.provisioned(target).failure !== undefined);
  assert.deepEqual([rig.environments.provisioned(target).allocated, living("broken").length], [0, 0]);
  assert.equal(rig.environments.provisioned(target).initFailed, true);
  rig.environments.provision(target, 0);
});
