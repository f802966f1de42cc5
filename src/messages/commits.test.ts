import assert from "node:assert/strict";
import { test } from "node:test";
import { createCommits } from "./commits.ts";
import { MessageRefusal } from "./refusal.ts";

/** A store that keeps what is committed, and fails when it is told to. */
function open(failing: { commit?: boolean; disk?: boolean } = {}) {
  const kept: string[] = [];
  const log: string[] = [];
  let pending: string[] = [];
  const flushes: (() => void)[] = [];
  const commits = createCommits({
    transactions: {
      begin: () => log.push("begin"),
      commit() {
        if (failing.commit) throw new Error("disk full");
        kept.push(...pending);
        pending = [];
        log.push("commit");
      },
      rollback() {
        pending = [];
        log.push("rollback");
      },
      synced: () =>
        new Promise((resolve, reject) => {
          log.push("flush");
          flushes.push(() => (failing.disk ? reject(new Error("disk gone")) : resolve()));
        }),
    },
    isRefusal: (error) => error instanceof MessageRefusal,
    undone: () => log.push("undone"),
  });
  const change = (what: string) =>
    commits.change(() => {
      pending.push(what);
    });
  const nextTurn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  return { commits, change, kept, log, flushes, nextTurn };
}

test("what changes in one turn is one transaction, and one flush", async () => {
  const { commits, change, kept, log, flushes, nextTurn } = open();
  change("a");
  change("b");
  const both = Promise.all([commits.durable(), commits.durable()]);
  assert.deepEqual(kept, []);
  await nextTurn();
  assert.deepEqual(kept, ["a", "b"]);
  assert.deepEqual(log, ["begin", "commit", "flush"]);
  flushes[0]?.();
  await both;
});

test("what comes while the disk works shares the next flush", async () => {
  const { commits, change, log, flushes, nextTurn } = open();
  change("a");
  const first = commits.durable();
  await nextTurn();
  change("b");
  const second = commits.durable();
  await nextTurn();
  change("c");
  const third = commits.durable();
  await nextTurn();
  assert.equal(log.filter((one) => one === "flush").length, 1);
  flushes[0]?.();
  await first;
  await nextTurn();
  assert.equal(log.filter((one) => one === "flush").length, 2);
  flushes[1]?.();
  await Promise.all([second, third]);
});

test("a turn that cannot be committed is undone, and everybody in it is told", async () => {
  const { commits, change, kept, log } = open({ commit: true });
  change("a");
  change("b");
  const told = await Promise.allSettled([commits.durable(), commits.committed()]);
  assert.deepEqual(
    told.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  assert.deepEqual(kept, []);
  assert.deepEqual(log, ["begin", "rollback", "undone"]);
});

test("a refusal undoes nothing, any other error the whole turn", async () => {
  const { commits, change, kept, log, nextTurn } = open();
  change("a");
  assert.throws(() =>
    commits.change(() => {
      throw new MessageRefusal("Code", "no");
    }),
  );
  await nextTurn();
  assert.deepEqual(kept, ["a"]);
  change("b");
  const told = commits.committed();
  assert.throws(() =>
    commits.change(() => {
      throw new Error("SQLITE_IOERR");
    }),
  );
  await assert.rejects(told, /SQLITE_IOERR/);
  change("c");
  await nextTurn();
  assert.deepEqual(kept, ["a", "c"]);
  assert.ok(log.includes("undone"));
});

test("a disk that fails is told to those who asked for it", async () => {
  const { commits, change, flushes, nextTurn } = open({ disk: true });
  change("a");
  const told = commits.durable();
  await commits.committed();
  await nextTurn();
  flushes[0]?.();
  await assert.rejects(told, /disk gone/);
});
