import assert from "node:assert/strict";
import { test } from "node:test";
import type { Posting } from "../model/index.ts";
import { type RuleRecord, type RuleTarget, ruleArn, type ScheduleRecord, scheduleArn } from "./records.ts";
import { type Bench, openBench, owner } from "./testing.ts";

const fn = "arn:aws:lambda:us-east-1:000000000000:function:f";
const queue = "arn:aws:sqs:us-east-1:000000000000:q";
const letters = "arn:aws:sqs:us-east-1:000000000000:letters";

function rule(name: string, more: Partial<RuleRecord> = {}, ...targets: RuleTarget[]): RuleRecord {
  const bus = more.bus ?? "default";
  return {
    ...owner,
    name: `us-east-1 ${bus} ${name}`,
    bus,
    rule: name,
    arn: ruleArn(owner, bus, name),
    state: "ENABLED",
    targets,
    tags: {},
    created: Date.UTC(2026, 10, 22, 7),
    ...more,
  };
}

function schedule(name: string, more: Partial<ScheduleRecord> = {}): ScheduleRecord {
  return {
    ...owner,
    group: "default",
    name,
    arn: scheduleArn(owner, "default", name),
    expression: "rate(1 minute)",
    timezone: "UTC",
    state: "ENABLED",
    windowMinutes: 0,
    afterCompletion: "NONE",
    target: { Arn: fn, RoleArn: "arn:aws:iam::000000000000:role/r", Input: '{"at":"<aws.scheduler.scheduled-time>"}' },
    created: Date.UTC(2026, 10, 22, 7),
    modified: Date.UTC(2026, 10, 22, 7),
    ...more,
  };
}

const event = (source: string, detail: object, bus = "default") => ({
  where: { ...owner, bus },
  event: { ...owner, source, detailType: "t", detail: JSON.stringify(detail), resources: [], time: 0 },
});
const bodies = ({ posted }: Bench) => posted.map(({ posting }) => JSON.parse(posting.payload.toString()));
const functions = (postings: readonly Posting[]) => postings.filter(({ to }) => to === "function").length;

test("an event goes to the targets of the rules that it meets, and nowhere else", async () => {
  const bench = openBench();
  const { buses, posted } = bench;
  await buses.putRule(
    rule("a", { pattern: '{"source":["app"]}' }, { Id: "1", Arn: fn }, { Id: "2", Arn: queue, InputPath: "$.detail" }),
  );
  await buses.putRule(
    rule("b", { pattern: '{"detail":{"n":[{"numeric":[">",1]}]}}' }, { Id: "1", Arn: fn, Input: '"b"' }),
  );
  await buses.putRule(rule("c", { pattern: '{"source":["app"]}', state: "DISABLED" }, { Id: "1", Arn: fn }));
  await buses.putRule(rule("d", { pattern: '{"source":["app"]}', bus: "other" }, { Id: "1", Arn: fn }));
  const ids = await buses.put([event("app", { n: 1 }), event("else", { n: 2 }), event("app", { n: 1 }, "nowhere")]);
  assert.equal(ids.length, 3);
  const [first, second, third] = bodies(bench);
  assert.equal(first.id, ids[0]);
  assert.deepEqual(first.detail, { n: 1 });
  assert.deepEqual([second, third], [{ n: 1 }, "b"]);
  assert.equal(posted.length, 3);
  await bench.close();
});

test("an event goes on to another bus, but not to a third", async () => {
  const bench = openBench();
  const bus = (name: string) => `arn:aws:events:us-east-1:000000000000:event-bus/${name}`;
  const pattern = '{"source":["app"]}';
  await bench.buses.putRule(rule("a", { pattern }, { Id: "1", Arn: bus("two") }));
  await bench.buses.putRule(
    rule("b", { pattern, bus: "two" }, { Id: "1", Arn: queue }, { Id: "2", Arn: bus("three") }),
  );
  await bench.buses.putRule(rule("c", { pattern, bus: "three" }, { Id: "1", Arn: fn }));
  const [id] = await bench.buses.put([event("app", {})]);
  assert.deepEqual(
    bodies(bench).map((one) => one.id),
    [id],
  );
  await bench.close();
});

test("a function whose policy does not let the rule in gets nothing, and the event is a dead letter", async () => {
  const asked: unknown[] = [];
  const bench = openBench({
    mayRun(_fn, caller) {
      asked.push(caller);
      return "no";
    },
  });
  const target = { Id: "1", Arn: fn, DeadLetterConfig: { Arn: letters } };
  await bench.buses.putRule(rule("a", { pattern: '{"source":["app"]}' }, target));
  await bench.buses.put([event("app", {})]);
  const [{ posting }] = bench.posted as [Bench["posted"][0]];
  assert.ok(posting.to === "target");
  assert.equal(posting.refused?.code, "NO_PERMISSIONS");
  assert.deepEqual(posting.letters, {
    arn: letters,
    attributes: { RULE_ARN: ruleArn(owner, "default", "a"), TARGET_ARN: fn },
  });
  assert.deepEqual(asked, [
    { service: "events.amazonaws.com", sourceArn: ruleArn(owner, "default", "a"), account: owner.account },
  ]);
  await bench.close();
});

test("rules are there after a restart, and one with a rate comes at its rate, not at once", async () => {
  let bench = openBench();
  await bench.buses.putRule(rule("every", { schedule: "rate(5 minutes)" }, { Id: "1", Arn: fn }));
  await bench.advance(299_000);
  assert.equal(bench.posted.length, 0);
  bench = await bench.restart();
  await bench.advance(600_000);
  assert.deepEqual(
    bench.posted.map(({ at }) => at),
    [300_000, 600_000],
  );
  const [first] = bodies(bench);
  assert.deepEqual(
    { ...first, id: "" },
    {
      version: "0",
      id: "",
      "detail-type": "Scheduled Event",
      source: "aws.events",
      account: owner.account,
      time: "2026-11-22T07:05:00Z",
      region: owner.region,
      resources: [ruleArn(owner, "default", "every")],
      detail: {},
    },
  );
  await bench.buses.putRule(rule("every", { schedule: "rate(5 minutes)", state: "DISABLED" }, { Id: "1", Arn: fn }));
  await bench.advance(900_000);
  assert.equal(bench.posted.length, 2);
  await bench.close();
});

test("schedules run when they are due, with what the Scheduler knows of the occasion", async () => {
  const bench = openBench();
  await bench.buses.schedules.put(schedule("s"));
  await bench.advance(120_000);
  assert.deepEqual(
    bench.posted.map(({ at }) => at),
    [0, 60_000, 120_000],
  );
  assert.deepEqual(bodies(bench)[1], { at: "2026-11-22T07:01:00Z" });
  await bench.buses.schedules.put(schedule("s", { state: "DISABLED" }));
  await bench.advance(120_000);
  assert.equal(bench.posted.length, 3);
  await bench.close();
});

test("a schedule that was due while nobody ran runs once, for its latest occasion", async () => {
  let bench = openBench();
  await bench.buses.schedules.put(schedule("s", { start: Date.UTC(2026, 10, 22, 8) }));
  const once = schedule("once", { expression: "at(2026-11-22T09:00:00)", afterCompletion: "DELETE" });
  await bench.buses.schedules.put(once);
  bench = await bench.restart(3 * 3_600_000 + 30_000);
  await bench.advance(0);
  assert.deepEqual(
    bodies(bench)
      .map(({ at }) => at)
      .sort(),
    ["2026-11-22T09:00:00Z", "2026-11-22T10:00:00Z"],
  );
  assert.equal(bench.buses.schedules.get(once), undefined);
  await bench.advance(30_000);
  assert.equal(bench.posted.length, 3);
  await bench.close();
});

test("what could not be written into the queue is tried again, and nothing is lost or sent twice", async () => {
  let full = true;
  const bench = openBench({
    async post() {
      if (full) throw new Error("disk full");
    },
  });
  await bench.buses.schedules.put(schedule("s", { expression: "at(2026-11-22T07:01:00)" }));
  await bench.advance(62_500);
  assert.equal(bench.posted.length, 0);
  assert.ok(bench.reported.length > 0);
  full = false;
  await bench.advance(10_000);
  assert.equal(functions(bench.posted.map(({ posting }) => posting)), 1);
  await bench.close();
});

test("a schedule that is changed while it is being sent keeps its change", async () => {
  const changing: (() => Promise<void>)[] = [];
  const bench = openBench({
    async post() {
      void changing.pop()?.();
    },
  });
  await bench.buses.schedules.put(schedule("s", { expression: "at(2026-11-22T07:01:00)", afterCompletion: "DELETE" }));
  const later = schedule("s", { expression: "at(2026-11-22T07:30:00)", afterCompletion: "DELETE" });
  changing.push(() => bench.buses.schedules.put(later));
  await bench.advance(60_000);
  assert.equal(bench.posted.length, 1);
  assert.equal(bench.buses.schedules.get(later)?.expression, later.expression);
  await bench.advance(3_600_000);
  assert.equal(bench.posted.length, 2);
  await bench.close();
});

test("a flexible schedule runs within its window, and says when it was due", async () => {
  const bench = openBench({ random: () => 0.5 });
  await bench.buses.schedules.put(schedule("s", { expression: "cron(0 8 * * ? *)", windowMinutes: 10 }));
  await bench.advance(2 * 3_600_000);
  assert.deepEqual(
    bench.posted.map(({ at }) => at),
    [3_600_000 + 300_000],
  );
  assert.deepEqual(bodies(bench), [{ at: "2026-11-22T08:00:00Z" }]);
  await bench.close();
});

test("the target of a schedule may be an operation with its input", async () => {
  const bench = openBench();
  const RoleArn = "arn:aws:iam::000000000000:role/r";
  const input = { FunctionName: "f:live", InvocationType: "Event", Payload: '{"n":1}' };
  await bench.buses.schedules.put(
    schedule("a", {
      expression: "at(2026-11-22T07:01:00)",
      target: { Arn: "arn:aws:scheduler:::aws-sdk:lambda:invoke", RoleArn, Input: JSON.stringify(input) },
    }),
  );
  const message = { MessageBody: "<aws.scheduler.schedule-arn>", QueueUrl: "http://q" };
  await bench.buses.schedules.put(
    schedule("b", {
      expression: "at(2026-11-22T07:02:00)",
      target: { Arn: "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", RoleArn, Input: JSON.stringify(message) },
    }),
  );
  await bench.advance(300_000);
  const [first, second] = bench.posted.map(({ posting }) => posting);
  assert.ok(first?.to === "function" && first.name === "f" && first.qualifier === "live");
  assert.equal(first.payload.toString(), '{"n":1}');
  assert.ok(second?.to === "target");
  assert.equal(JSON.parse(second.payload.toString()).MessageBody, scheduleArn(owner, "default", "b"));
  await bench.close();
});

test("thousands of schedules are rows and one timer", async () => {
  const bench = openBench();
  const { schedules } = bench.buses;
  await Promise.all(
    Array.from({ length: 1000 }, (_, index) =>
      schedules.put(schedule(`s${index}`, { expression: `cron(${index % 60} 8 * * ? *)` })),
    ),
  );
  assert.equal(bench.timers(), 1);
  await bench.advance(2 * 3_600_000);
  assert.equal(bench.posted.length, 1000);
  assert.equal(bench.timers(), 1);
  await bench.close();
});

test("schedules are listed by group and name, page by page", async () => {
  const bench = openBench();
  const { schedules } = bench.buses;
  for (const name of ["b", "a", "c"]) await schedules.put(schedule(name));
  await schedules.put(schedule("z", { group: "another" }));
  const page = (options: object) =>
    schedules.list(owner, { prefix: "", limit: 2, ...options }).map(({ group, name }) => `${group}/${name}`);
  assert.deepEqual(page({}), ["another/z", "default/a"]);
  assert.deepEqual(page({ after: ["default", "a"] }), ["default/b", "default/c"]);
  assert.deepEqual(page({ group: "default" }), ["default/a", "default/b"]);
  assert.deepEqual(page({ prefix: "c" }), ["default/c"]);
  assert.deepEqual(page({ state: "DISABLED" }), []);
  await schedules.removeGroup({
    ...owner,
    name: "us-east-1 default",
    group: "default",
    tags: {},
    created: 0,
    modified: 0,
  });
  assert.deepEqual(page({}), ["another/z"]);
  await bench.close();
});
