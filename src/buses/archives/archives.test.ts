import assert from "node:assert/strict";
import { test } from "node:test";
import { busArn, type RuleRecord, ruleArn } from "../records.ts";
import { type Bench, epoch, openBench, owner } from "../testing.ts";
import { type ArchiveRecord, archiveArn, type ReplayRecord, replayArn } from "./records.ts";

const fn = "arn:aws:lambda:us-east-1:000000000000:function:f";
const bus = busArn(owner, "default");

const archive = (more: Partial<ArchiveRecord> = {}): ArchiveRecord => ({
  ...owner,
  name: "us-east-1 a",
  archive: "a",
  arn: archiveArn(owner, "a"),
  source: bus,
  retentionDays: 0,
  created: epoch,
  ...more,
});

const replay = (more: Partial<ReplayRecord> = {}): ReplayRecord => ({
  ...owner,
  name: "us-east-1 r",
  replay: "r",
  arn: replayArn(owner, "r"),
  source: archiveArn(owner, "a"),
  destination: { Arn: bus },
  from: epoch - 1000,
  until: epoch + 3_600_000,
  state: "STARTING",
  begun: epoch,
  cursor: { at: epoch - 1000, id: 0 },
  ...more,
});

const rule = (name: string, pattern: object): RuleRecord => ({
  ...owner,
  name: `us-east-1 default ${name}`,
  bus: "default",
  rule: name,
  arn: ruleArn(owner, "default", name),
  pattern: JSON.stringify(pattern),
  state: "ENABLED",
  targets: [{ Id: "1", Arn: fn }],
  tags: {},
  created: epoch,
});

const put = ({ buses, now }: Bench, source: string, ...details: string[]) =>
  buses.put(
    details.map((detail) => ({
      where: { ...owner, bus: "default" },
      event: { ...owner, source, detailType: "t", detail, resources: [], time: now() },
    })),
  );

/** Until a replay is over. */
async function over({ buses }: Bench): Promise<ReplayRecord> {
  for (;;) {
    const found = buses.replays.get(owner, "r")!;
    if (found.ended !== undefined) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
const texts = ({ posted }: Bench) => posted.map(({ posting }) => posting.payload.toString());

test("an archive keeps what it wants of its bus, and a replay sends it once more, to the letter, to the rules it names", async () => {
  const bench = openBench();
  const { buses } = bench;
  buses.archives.put(archive({ pattern: '{"source":["app"]}' }));
  await put(bench, "app", '{"n":1.50,"big":12345678901234567890}', '{"n":2}');
  await put(bench, "other", '{"n":3}');
  const { events, bytes } = buses.archives.totals(archive());
  assert.equal(events, 2);
  assert.ok(bytes > 200);
  assert.deepEqual(bench.posted, []);
  await buses.putRule(rule("all", { source: ["app"] }));
  await buses.putRule(rule("fresh", { "replay-name": [{ exists: false }] }));
  await buses.putRule(rule("not-asked", { source: ["app"] }));
  buses.replays.start(replay({ destination: { Arn: bus, FilterArns: [ruleArn(owner, "default", "all")] } }));
  const done = await over(bench);
  assert.deepEqual([done.state, done.cursor.at, done.ended], ["COMPLETED", epoch, epoch]);
  assert.equal(bench.posted.length, 2);
  const [first = ""] = texts(bench);
  assert.ok(first.includes('"detail":{"n":1.50,"big":12345678901234567890}'), first);
  assert.equal(JSON.parse(first)["replay-name"], "r");
  // What is replayed is not kept again.
  assert.equal(buses.archives.totals(archive()).events, 2);
  await bench.close();
});

test("a replay goes on where it was after a restart, and loses nothing that could not be sent at once", async () => {
  let fails = false;
  const post = async () => {
    if (fails) throw new Error("the disk is full");
  };
  let bench = openBench({ post });
  bench.buses.archives.put(archive());
  const count = 250;
  for (let from = 0; from < count; from += 10) {
    await put(bench, "app", ...Array.from({ length: 10 }, (_, at) => `{"n":${from + at}}`));
  }
  await bench.buses.putRule(rule("all", { "replay-name": ["r"] }));
  fails = true;
  bench.buses.replays.start(replay());
  while (bench.reported.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(bench.buses.replays.get(owner, "r")?.cursor.id, 0);
  fails = false;
  bench = await bench.restart();
  assert.equal((await over(bench)).state, "COMPLETED");
  const numbers = texts(bench).map((text) => JSON.parse(text).detail.n as number);
  assert.deepEqual(numbers, [...Array(count).keys()]);
  await bench.close();
});

test("events go when their days are over, as many as the archive has now", async () => {
  const bench = openBench();
  const { buses } = bench;
  const dayMs = 86_400_000;
  buses.archives.put(archive({ retentionDays: 2 }));
  await put(bench, "app", "{}");
  await bench.advance(dayMs);
  await put(bench, "app", "{}");
  assert.equal(buses.archives.totals(archive()).events, 2);
  await bench.advance(dayMs);
  assert.equal(buses.archives.totals(archive()).events, 1);
  buses.archives.put(archive({ retentionDays: 1 }));
  assert.equal(buses.archives.totals(archive()).events, 0);
  buses.archives.put(archive({ retentionDays: 0 }));
  assert.equal(buses.archives.totals(archive()).events, 2);
  buses.archives.remove(archive());
  assert.equal(buses.archives.find(archiveArn(owner, "a")), undefined);
  assert.equal(buses.archives.totals(archive()).events, 0);
  await bench.close();
});

test("a replay whose archive is gone has failed, and one that is cancelled sends no more", async () => {
  const bench = openBench();
  const { buses } = bench;
  buses.replays.start(replay());
  const failed = await over(bench);
  assert.deepEqual([failed.state, failed.reason], ["FAILED", `${archiveArn(owner, "a")} does not exist.`]);
  buses.archives.put(archive());
  await put(bench, "app", "{}");
  await buses.putRule(rule("all", { source: ["app"] }));
  buses.replays.cancel(replay());
  assert.equal((await over(bench)).state, "CANCELLED");
  assert.deepEqual(bench.posted, []);
  await bench.close();
});
