import assert from "node:assert/strict";
import { test } from "node:test";
import { Line } from "./line.ts";

interface Environment {
  readonly name: string;
  provisioned: boolean;
}

const environment = (name: string, provisioned = false): Environment => ({ name, provisioned });

test("the latest used is taken first, and those of provisioned concurrency before all others", () => {
  const line = new Line<Environment, string>(2);
  for (const each of [environment("old"), environment("new"), environment("kept", true)]) line.rest(each);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => line.take()?.name),
    ["kept", "new", "old", undefined],
  );
});

test("every request that finds none idle gets a start, until there are two environments for each CPU", () => {
  const line = new Line<Environment, string>(1);
  line.tookToStart(100);
  line.offer(environment("a"), 1);
  line.take();
  line.wait("first", 0, 1);
  assert.deepEqual(line.begin(0), { begin: 1, againAtMs: undefined });
  // Two are occupied now; one that runs for a millisecond will be free long before a start of a hundred.
  line.wait("second", 0, 2);
  assert.deepEqual(line.begin(0), { begin: 0, againAtMs: 25 });
  assert.deepEqual(line.begin(24), { begin: 0, againAtMs: 25 });
  assert.deepEqual(line.begin(25), { begin: 1, againAtMs: undefined });
});

test("with CPUs without end nobody waits for another's environment, as at AWS", () => {
  const line = new Line<Environment, string>(Number.POSITIVE_INFINITY);
  line.tookToStart(100);
  line.offer(environment("a"), 1);
  line.take();
  for (let each = 0; each < 50; each++) line.wait(String(each), 0, 50);
  assert.equal(line.begin(0).begin, 50);
});

test("a start whose request was served meanwhile is left to the next, and not begun when there is none", () => {
  const line = new Line<Environment, string>(Number.POSITIVE_INFINITY);
  line.wait("first", 0, 0);
  line.wait("second", 0, 0);
  assert.equal(line.begin(0).begin, 2);
  assert.equal(line.offer(environment("freed"), 5), "first");
  assert.equal(line.stillWanted(), false, "two starts for one that waits");
  assert.equal(line.stillWanted(), true);
  line.wait("third", 0, 1);
  assert.equal(line.begin(0).begin, 1);
  line.startEnded();
  assert.equal(line.next(), "second");
});

test("who went along with a start and is given back is the first to be served", () => {
  const line = new Line<Environment, string>(Number.POSITIVE_INFINITY);
  for (const each of ["first", "second"]) line.wait(each, 0, 0);
  line.begin(0);
  assert.equal(
    line.takeAlong((request) => request === "second"),
    undefined,
    "who waits longest or nobody",
  );
  assert.equal(
    line.takeAlong(() => true),
    "first",
  );
  line.giveBack("first");
  assert.equal(line.begin(0).begin, 0, "both starts are under way still");
  assert.deepEqual([line.next(), line.next(), line.next()], ["first", "second", undefined]);
});

test("many that wait are served in their order", () => {
  const line = new Line<Environment, number>(Number.POSITIVE_INFINITY);
  for (let each = 0; each < 1000; each++) line.wait(each, 0, 0);
  assert.equal(line.begin(0).begin, 1000);
  for (let each = 0; each < 500; each++) assert.equal(line.next(), each);
  line.giveBack(-1);
  assert.equal(line.next(), -1);
  for (let each = 500; each < 1000; each++) assert.equal(line.next(), each);
  assert.equal(line.waiting, 0);
});
