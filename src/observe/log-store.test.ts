import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { createLogStore, type LogEvent, type LogStore, type LogStoreNeeds } from "./log-store.ts";

const account = "000000000000";
const group = "/aws/lambda/shop";
const everything = { account, group, since: 0, limit: 1e6 };

function temporary(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "thaw-logs-"));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

function open(t: TestContext, needs: Partial<LogStoreNeeds> & { readonly dir: string }): LogStore {
  const store = createLogStore({ clock: Date.now, ...needs });
  t.after(() => store.close());
  return store;
}

function write(store: LogStore, from: number, to: number, text = ""): void {
  for (let at = from; at < to; at++) store.append(account, group, "s", at, `${at}${text}`);
}

function numbers(events: readonly LogEvent[]): number[] {
  return events.map((event) => event.timestamp);
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);

test("events come back in order, from a time on, the newest up to the limit", async (t) => {
  const store = open(t, { dir: temporary(t) });
  write(store, 0, 10);
  assert.deepEqual(numbers(await store.query(everything)), range(0, 10));
  assert.deepEqual(numbers(await store.query({ ...everything, since: 4 })), range(4, 10));
  assert.deepEqual(numbers(await store.query({ ...everything, limit: 3 })), [7, 8, 9]);
  assert.deepEqual(await store.query({ ...everything, limit: 0 }), []);
  assert.deepEqual(await store.query({ ...everything, group: "/aws/lambda/nobody" }), []);
  assert.deepEqual(await store.query({ ...everything, account: "111111111111" }), []);
});

test("what memory had to let go is read from disk, without gap or double", async (t) => {
  const store = open(t, { dir: temporary(t), memoryBytes: 2000 });
  for (let at = 0; at < 300; at += 10) {
    write(store, at, at + 10);
    await store.flush();
  }
  assert.deepEqual(numbers(await store.query(everything)), range(0, 300));
  assert.equal(store.dropped(), 0);
});

test("logs survive a restart, and a line that a crash cut off harms no other", async (t) => {
  const dir = temporary(t);
  const first = createLogStore({ dir, clock: Date.now });
  write(first, 0, 3);
  await first.close();
  const file = join(dir, account, readdirSync(join(dir, account))[0]!);
  appendFileSync(file, '[17,5,"s","cut o');
  const second = open(t, { dir });
  write(second, 3, 6);
  await second.flush();
  assert.deepEqual(numbers(await second.query(everything)), range(0, 6));
  await second.close();
  assert.deepEqual(numbers(await open(t, { dir }).query(everything)), range(0, 6));
});

test("the hot path writes nothing itself, and the background writes within its time", async (t) => {
  const dir = temporary(t);
  const store = open(t, { dir, flushMs: 1 });
  store.append(account, group, "s", 1, "one");
  assert.deepEqual(readdirSync(dir), []);
  const limit = Date.now() + 5000;
  while (readdirSync(dir).length === 0 && Date.now() < limit) await new Promise(setImmediate);
  assert.equal(readdirSync(dir).length, 1);
});

test("a group keeps two files, the older of which is given up when the newer is full", async (t) => {
  const dir = temporary(t);
  const store = open(t, { dir, memoryBytes: 100, fileBytes: 2000 });
  for (let at = 0; at < 500; at++) {
    write(store, at, at + 1, "x".repeat(50));
    await store.flush();
  }
  const files = readdirSync(join(dir, account)).map((name) => statSync(join(dir, account, name)).size);
  assert.equal(files.length, 2);
  assert.ok(files.every((size) => size < 2200));
  const kept = numbers(await store.query(everything));
  assert.ok(kept.length > 20);
  assert.deepEqual(kept, range(kept[0]!, 500));
});

test("what is written faster than the disk takes it loses its oldest events, and they are counted", async (t) => {
  const store = open(t, { dir: temporary(t), memoryBytes: 5000 });
  write(store, 0, 1000);
  const kept = numbers(await store.query(everything));
  assert.deepEqual(kept, range(1000 - kept.length, 1000));
  assert.equal(store.dropped(), 1000 - kept.length);
});

test("a disk that cannot be written to is told of once, and the newest events are there all the same", async (t) => {
  const dir = join(temporary(t), "file");
  writeFileSync(dir, "");
  const warnings: string[] = [];
  const store = open(t, { dir, warn: (line) => warnings.push(line) });
  write(store, 0, 3);
  await store.flush();
  write(store, 3, 6);
  await store.flush();
  assert.equal(warnings.length, 1);
  assert.equal(store.dropped(), 6);
  assert.deepEqual(numbers(await store.query(everything)), range(0, 6));
});

test("a follower sees the past, then every event as it comes, and ends with its signal", async (t) => {
  const store = open(t, { dir: temporary(t) });
  write(store, 0, 5);
  const gone = new AbortController();
  const seen: number[] = [];
  for await (const event of store.follow({ account, group, since: 2 }, gone.signal)) {
    seen.push(event.timestamp);
    if (event.timestamp === 3) write(store, 5, 7);
    if (event.timestamp === 6) queueMicrotask(() => write(store, 7, 8));
    if (event.timestamp === 7) gone.abort();
  }
  assert.deepEqual(seen, range(2, 8));
});

test("closing the store ends those who follow it", async (t) => {
  const store = open(t, { dir: temporary(t) });
  store.append(account, group, "s", 1, "one");
  for await (const _event of store.follow({ account, group, since: 0 }, new AbortController().signal)) {
    await store.close();
  }
});

test("names of groups never lead out of the directory", async (t) => {
  const dir = temporary(t);
  const store = open(t, { dir });
  const names = ["../../x", "..", ".", "/", "a".repeat(512), "/".repeat(512)];
  for (const name of names) store.append(account, name, "s", 1, name);
  await store.flush();
  assert.deepEqual(readdirSync(dir), [account]);
  assert.equal(readdirSync(join(dir, account)).length, names.length);
  for (const name of names) {
    assert.equal((await store.query({ account, group: name, since: 0, limit: 9 }))[0]?.message, name);
  }
});
