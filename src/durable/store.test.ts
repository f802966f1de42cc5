import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { createSealer, SealBroken } from "../keys/index.ts";
import { createDocuments } from "./documents.ts";
import type { Execution, Operation } from "./records.ts";
import { type DurableStore, openDurableStore } from "./store.ts";

const sealer = (byte: number) => createDocuments(createSealer(Buffer.alloc(32, byte)));
const secret = "what nobody is to read";
const execution = (name: string) =>
  ({
    ...{ arn: `arn:${name}`, account: "0", region: "r", functionName: "f", version: "1", name, id: name },
    ...{ status: "RUNNING", started: 1, result: secret },
  }) as Execution;
const operation = (position: number, result = secret) =>
  ({ id: `${position}`, position, type: "STEP", result }) as Operation;

function save(store: DurableStore, name: string): void {
  store.transaction(() =>
    store.save({
      execution: execution(name),
      due: 5,
      active: true,
      operations: [operation(0), operation(1)],
      events: [{ EventId: 1, EventType: "StepStarted", EventTimestamp: 1, Name: secret }],
    }),
  );
}

function withFile(body: (path: string, bytes: () => string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "thaw-durable-store-"));
  const path = join(folder, "durable.sqlite");
  const read = (name: string) => readFileSync(name, "latin1");
  try {
    body(path, () => read(path) + read(`${path}-wal`));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function check(store: DurableStore): void {
  assert.deepEqual(store.execution("arn:a"), execution("a"));
  assert.deepEqual(store.named("0", "r", "f", "a"), execution("a"));
  assert.deepEqual(store.operations("arn:a"), [operation(0), operation(1)]);
  assert.equal(store.events("arn:a", 1, 9, false)[0]?.Name, secret);
  assert.deepEqual(store.active(), ["arn:a"]);
  assert.deepEqual(store.due(9, 9), ["arn:a"]);
}

test("what executions were given and gave is not to be read in their file", () =>
  withFile((path, bytes) => {
    const store = openDurableStore(path, sealer(1));
    save(store, "a");
    check(store);
    assert.ok(!bytes().includes(secret));
    store.close();
    const other = openDurableStore(path, sealer(2));
    assert.throws(() => other.execution("arn:a"), SealBroken);
    other.close();
  }));

test("a document put in another's place is refused", () =>
  withFile((path) => {
    const store = openDurableStore(path, sealer(1));
    save(store, "a");
    save(store, "b");
    const database = new DatabaseSync(path);
    database.exec(
      "UPDATE operations SET document = (SELECT document FROM operations WHERE arn = 'arn:b' AND position = 1) WHERE arn = 'arn:a' AND position = 1",
    );
    database.close();
    assert.throws(() => store.operations("arn:a"), SealBroken);
    assert.equal(store.root("arn:a")?.id, "0");
    store.close();
  }));

test("what an earlier version left as text is sealed, and the text is gone", () =>
  withFile((path, bytes) => {
    const database = new DatabaseSync(path);
    database.exec(`
      CREATE TABLE executions (arn TEXT PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, function TEXT NOT NULL,
        version TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL, status TEXT NOT NULL, started INTEGER NOT NULL,
        due INTEGER, active INTEGER NOT NULL, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
      CREATE UNIQUE INDEX executions_name ON executions (account, region, function, name);
      CREATE INDEX executions_started ON executions (account, region, function, started, id);
      CREATE INDEX executions_due ON executions (due) WHERE due IS NOT NULL;
      CREATE INDEX executions_active ON executions (arn) WHERE active = 1;
      CREATE TABLE operations (arn TEXT NOT NULL, position INTEGER NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (arn, position)) STRICT, WITHOUT ROWID;
      CREATE TABLE events (arn TEXT NOT NULL, id INTEGER NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (arn, id)) STRICT, WITHOUT ROWID;
      PRAGMA user_version = 1`);
    const put = (sql: string, ...values: (string | number)[]) => database.prepare(sql).run(...values);
    const row = ["arn:a", "0", "r", "f", "1", "a", "a", "RUNNING", 1, 5, 1, JSON.stringify(execution("a"))];
    put("INSERT INTO executions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", ...row);
    for (const at of [0, 1]) put("INSERT INTO operations VALUES ('arn:a', ?, ?)", at, JSON.stringify(operation(at)));
    put("INSERT INTO events VALUES ('arn:a', 1, ?)", JSON.stringify({ EventId: 1, Name: secret }));
    database.close();
    assert.ok(readFileSync(path, "latin1").includes(secret));
    const store = openDurableStore(path, sealer(1));
    check(store);
    assert.ok(!bytes().includes(secret));
    store.close();
  }));
