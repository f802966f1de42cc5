import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createRegistry, type FunctionSettings } from "../../../registry/index.ts";
import { createProvisioning } from "../../lambda-api/provisioning.ts";
import { createCapacity } from "./capacity.ts";
import { createScaler } from "./scaler.ts";

const scope = { account: "000000000000", region: "us-east-1" };
const resourceId = "function:fn:1";
const name = `us-east-1 ${resourceId}`;
const minute = 60_000;
/** 2026-03-02T08:00:00Z, a Monday */
const begin = Date.UTC(2026, 2, 2, 8);

const settings = {
  SnapStart: { ApplyOn: "None" },
  Architectures: ["x86_64"],
  EphemeralStorage: { Size: 512 },
  LoggingConfig: { LogFormat: "Text", LogGroup: "g" },
  TracingConfig: { Mode: "PassThrough" },
} as unknown as FunctionSettings;

/** Version 1 of a function with a scalable target, on a clock of the test's own. */
function open(t: TestContext, target: { min: number; max: number }) {
  const folder = mkdtempSync(join(tmpdir(), "thaw-scaler-"));
  const registry = createRegistry({ path: join(folder, "registry.sqlite") });
  t.after(() => {
    registry.close();
    rmSync(folder, { recursive: true });
  });
  registry.functions.create(scope, "fn", { settings, code: { digest: "a".repeat(64), size: 1 }, layers: [], tags: {} });
  registry.functions.publish(scope, "fn", {});
  let now = begin;
  /** environments that run something, of those that are provisioned */
  const load = { inUse: 0 };
  const needs = {
    registry,
    provision: () => {},
    provisioned: () => {
      const allocated = registry.functions.provisioned(scope, "fn", "1")?.executions ?? 0;
      return { allocated, available: allocated, inUse: Math.min(load.inUse, allocated) };
    },
  };
  const capacity = createCapacity({ ...needs, provisioning: createProvisioning(needs), clock: () => now });
  const scaler = createScaler({ registry, capacity });
  const suspended = { in: false, out: false, scheduled: false };
  const common = { ...scope, resourceId, arn: "arn", created: begin };
  registry.scaling.targets.put({ ...common, name, ...target, suspended });
  return {
    registry,
    load,
    common,
    provisioned: () => registry.functions.provisioned(scope, "fn", "1")?.executions ?? 0,
    bounds: () => {
      const { min, max } = registry.scaling.targets.get(scope.account, name)!;
      return [min, max];
    },
    /** Ticks every ten seconds. */
    run(minutes: number) {
      for (const end = now + minutes * minute; now < end; ) {
        now += 10_000;
        scaler.tick(now);
      }
    },
    policy: (configuration: { TargetValue: number; DisableScaleIn?: boolean }) =>
      registry.scaling.policies.put({ ...common, name: `${name} p`, policyName: "p", configuration }),
    action: (more: { schedule: string; min?: number; max?: number; end?: number; ran?: number; timezone?: string }) =>
      registry.scaling.actions.put({
        ...common,
        name: `${name} a`,
        actionName: "a",
        ran: begin,
        ...more,
        created: more.ran ?? begin,
      }),
  };
}

test("three busy minutes bring more environments, a quiet quarter of an hour takes them away again", (t) => {
  const { load, provisioned, run, policy, registry } = open(t, { min: 2, max: 20 });
  registry.functions.provision(scope, "fn", "1", 5);
  policy({ TargetValue: 0.5 });
  load.inUse = 5;
  run(3);
  assert.equal(provisioned(), 10, "five in use are half of ten");
  run(4);
  assert.equal(provisioned(), 10, "which is the target");
  load.inUse = 0;
  run(14);
  assert.equal(provisioned(), 10);
  run(3);
  assert.equal(provisioned(), 2, "no less than the minimum");
  const causes = registry.scaling.activities.list(scope.account).map(({ cause, status }) => [cause, status]);
  assert.deepEqual(causes, [
    ["target tracking policy p asked for it", "Successful"],
    ["target tracking policy p asked for it", "Successful"],
  ]);
});

test("no more than the maximum, and nothing while scaling is suspended", (t) => {
  const { load, provisioned, run, policy, registry } = open(t, { min: 1, max: 7 });
  registry.functions.provision(scope, "fn", "1", 5);
  policy({ TargetValue: 0.1 });
  load.inUse = 5;
  const target = registry.scaling.targets.get(scope.account, name)!;
  registry.scaling.targets.put({ ...target, suspended: { ...target.suspended, out: true } });
  run(5);
  assert.equal(provisioned(), 5);
  registry.scaling.targets.put(target);
  run(5);
  assert.equal(provisioned(), 7);
});

test("a policy that may not scale in leaves what is there", (t) => {
  const { provisioned, run, policy, registry } = open(t, { min: 1, max: 7 });
  registry.functions.provision(scope, "fn", "1", 5);
  policy({ TargetValue: 0.5, DisableScaleIn: true });
  run(30);
  assert.equal(provisioned(), 5);
});

test("a scheduled action sets the bounds when it is due, and again the next time", (t) => {
  const { provisioned, run, action, bounds, registry } = open(t, { min: 0, max: 20 });
  action({ schedule: "cron(0/30 * * * ? *)", timezone: "Asia/Kolkata", min: 4 });
  run(29);
  assert.equal(provisioned(), 0);
  run(1);
  assert.equal(provisioned(), 4);
  assert.deepEqual(bounds(), [4, 20]);
  const target = registry.scaling.targets.get(scope.account, name)!;
  registry.scaling.targets.put({ ...target, min: 0 });
  registry.functions.unprovision(scope, "fn", "1");
  run(30);
  assert.equal(provisioned(), 4);
});

test("a minimum of nothing gives the environments back at the maximum of nothing", (t) => {
  const { provisioned, run, action, registry } = open(t, { min: 3, max: 5 });
  registry.functions.provision(scope, "fn", "1", 3);
  action({ schedule: "at(2026-03-02T08:01:00)", min: 0, max: 0 });
  run(2);
  assert.equal(provisioned(), 0);
  assert.equal(registry.functions.provisioned(scope, "fn", "1"), undefined);
});

test("what came due while the platform was away is done once, late", (t) => {
  const { provisioned, run, action, registry } = open(t, { min: 0, max: 5 });
  const day = 24 * 60 * minute;
  action({ schedule: "rate(6 hours)", min: 2, ran: begin - day });
  run(1);
  assert.equal(provisioned(), 2);
  registry.scaling.targets.put({ ...registry.scaling.targets.get(scope.account, name)!, min: 0 });
  registry.functions.unprovision(scope, "fn", "1");
  run(1);
  assert.equal(provisioned(), 0);
});

test("what was due before it was put, and what is past its end, is never done", (t) => {
  const { provisioned, run, action } = open(t, { min: 0, max: 5 });
  action({ schedule: "at(2026-03-01T08:00:00)", min: 2 });
  run(2);
  assert.equal(provisioned(), 0);
  action({ schedule: "rate(1 minute)", min: 2, end: begin - minute });
  run(2);
  assert.equal(provisioned(), 0);
});

test("a target ends with its version, and everything that belongs to it", (t) => {
  const { run, policy, action, registry } = open(t, { min: 0, max: 5 });
  policy({ TargetValue: 0.5 });
  action({ schedule: "rate(1 minute)", min: 1 });
  registry.functions.removeVersion(scope, "fn", "1");
  run(2);
  const { targets, policies, actions, activities } = registry.scaling;
  for (const records of [targets, policies, actions, activities]) {
    assert.deepEqual([...records.everything()], []);
  }
});
