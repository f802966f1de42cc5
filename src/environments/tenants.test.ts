import assert from "node:assert/strict";
import { test } from "node:test";
import type { FunctionVersion } from "../model/index.ts";
import { invocationOf, openRig, type Rig, settled } from "./testing.ts";

const waits = "exports.handler = async ({ ms = 0 }) => { await new Promise((go) => setTimeout(go, ms)); return 1; };";

async function call(rig: Rig, target: FunctionVersion, tenantId: string, event: object = {}) {
  const invocation = { ...invocationOf(target, event), tenantId };
  const environment = await rig.environments.acquire(invocation);
  const run = await environment.run(invocation);
  // An environment that has had its first event answers before it rests.
  await settled();
  return run;
}
const tenants = (rig: Rig) =>
  rig.environments
    .list()
    .map(({ tenant }) => tenant)
    .sort();

test("where tenants have as many environments as they may, the one that was idle longest ends, and none that runs something", async () => {
  await using rig = await openRig({ mostForTenants: 2, snapshots: "off" });
  const target = rig.version(waits, { perTenant: true });
  await call(rig, target, "one");
  await call(rig, target, "two");
  await call(rig, target, "one");
  await call(rig, target, "three");
  assert.deepEqual(tenants(rig), ["one", "three"]);

  const busy = ["one", "three"].map((tenant) => call(rig, target, tenant, { ms: 1500 }));
  await new Promise((resolve) => setImmediate(resolve));
  await assert.rejects(call(rig, target, "four"), {
    code: "TooManyRequestsException",
    fields: { Reason: "ConcurrentInvocationLimitExceeded" },
  });
  for (const run of await Promise.all(busy)) assert.equal(run.outcome.kind, "returned");
  assert.deepEqual(tenants(rig), ["one", "three"], "nothing was ended, and nothing is left of who was refused");
});
