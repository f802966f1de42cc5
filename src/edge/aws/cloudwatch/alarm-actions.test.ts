import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Posting } from "../../../model/index.ts";
import type { Metrics } from "../../../observe/index.ts";
import { createRegistry } from "../../../registry/index.ts";
import { createAlarmActions, type OwedActions } from "./alarm-actions.ts";
import type { AlarmRecord } from "./alarm-records.ts";

const topic = "arn:aws:sns:us-east-1:000000000000:told";

function opened(path: string, post: (postings: readonly Posting[]) => Promise<void>) {
  const registry = createRegistry({ path });
  const alarms = registry.named<AlarmRecord>("cloudwatch-alarm");
  const owed = registry.named<OwedActions>("cloudwatch-action");
  const context = { registry, metrics: {} as Metrics, clock: () => 1_700_000_000_000 };
  const failures: unknown[] = [];
  const actions = createAlarmActions({ context, alarms, owed, post, report: (error) => failures.push(error) });
  return { registry, alarms, owed, actions, failures };
}

const alarm = (state: AlarmRecord["state"]): AlarmRecord => ({
  account: "000000000000",
  name: "us-east-1/a",
  region: "us-east-1",
  alarmName: "a",
  metric: { AlarmName: "a", AlarmActions: [topic], EvaluationPeriods: 1, ComparisonOperator: "GreaterThanThreshold" },
  actionsEnabled: true,
  tags: {},
  state,
  reason: "",
  configured: 0,
  updated: 0,
  transitioned: 0,
  history: [],
});

test("an action that the queue has not taken is done by the next process, once, and noted in the alarm's history", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "thaw-actions-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "registry.sqlite");

  // This process ends before its queue has anything on the disk.
  const before = opened(path, () => new Promise(() => {}));
  before.registry.together(() => {
    before.alarms.put(alarm("ALARM"));
    before.actions.owe(alarm("OK"), alarm("ALARM"));
  });
  before.actions.pay();
  before.registry.close();

  const posted: Posting[] = [];
  const after = opened(path, async (postings) => void posted.push(...postings));
  after.actions.pay();
  after.actions.pay();
  await new Promise((resolve) => setImmediate(resolve));
  after.actions.pay();
  assert.equal(posted.length, 1);
  const told = JSON.parse(posted[0]!.payload.toString());
  assert.deepEqual([told.AlarmName, told.OldStateValue, told.NewStateValue], ["a", "OK", "ALARM"]);
  assert.deepEqual([...after.owed.everything()], []);
  const [item] = after.alarms.get("000000000000", "us-east-1/a")!.history;
  assert.equal(item?.summary, `Successfully executed action ${topic}`);
  after.registry.close();
});

test("what could not be handed over is reported, and tried again", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "thaw-actions-"));
  context.after(() => rmSync(folder, { recursive: true }));
  let full = true;
  const tried: number[] = [];
  const { actions, failures, owed, registry } = opened(join(folder, "registry.sqlite"), async (postings) => {
    tried.push(postings.length);
    if (full) throw new Error("the disk is full");
  });
  actions.owe(alarm("OK"), alarm("ALARM"));
  actions.pay();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([tried.length, failures.length, [...owed.everything()].length], [1, 1, 1]);
  full = false;
  actions.pay();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([tried.length, failures.length, [...owed.everything()].length], [2, 1, 0]);
  registry.close();
});
