import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { createRegistry } from "./index.ts";
import { openStore } from "./store.ts";

function folder(t: { after(run: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), "thaw-store-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test("writes are behind until they are flushed, once for all", async (t) => {
  const store = openStore(join(folder(t), "registry.sqlite"));
  assert.equal(store.synced(), undefined);
  store.put("kind", "a", 1);
  store.transaction(() => {
    store.put("kind", "b", 2);
    store.transaction(() => store.put("kind", "c", 3));
  });
  const waiting = store.synced();
  assert.ok(waiting);
  assert.equal(store.synced(), waiting);
  await waiting;
  assert.equal(store.synced(), undefined);
  assert.deepEqual(
    [...store.all("kind")],
    [
      ["a", 1],
      ["b", 2],
      ["c", 3],
    ],
  );
  store.close();
});

test("changes that belong together fail together, and nothing is acknowledged from then on", async (t) => {
  const path = join(folder(t), "registry.sqlite");
  const store = openStore(path);
  store.put("kind", "a", 1);
  await store.synced();
  const refused = () => {
    throw new Error("refused");
  };
  assert.throws(() => store.together(refused), /refused/);
  assert.equal(store.synced(), undefined, "nothing was written");
  const broken = () => {
    store.put("kind", "b", 2);
    refused();
  };
  assert.throws(() => store.together(broken), /refused/);
  await assert.rejects(async () => store.synced(), /refused/);
  store.close();
  const again = openStore(path);
  assert.deepEqual([...again.all("kind")], [["a", 1]]);
  again.close();
});

/** What a registry of the first layout held, in the words of then: whatever was released must still be read. */
const first = {
  layout: `CREATE TABLE documents (
    kind TEXT NOT NULL, key TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (kind, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT;
  INSERT INTO schema_version VALUES (1)`,
  documents: [
    [
      "function",
      "000000000000/us-east-1/f",
      {
        account: "000000000000",
        region: "us-east-1",
        name: "f",
        nextVersion: 2,
        tags: { a: "b" },
        reservedConcurrency: 3,
      },
    ],
    ...["$LATEST", "1"].map((version) => [
      "version",
      `000000000000/us-east-1/f/${version}`,
      {
        version,
        settings: {
          Role: "arn:aws:iam::000000000000:role/r",
          Description: "",
          Timeout: 7,
          MemorySize: 256,
          PackageType: "Zip",
          Architectures: ["x86_64"],
          EphemeralStorage: { Size: 512 },
          TracingConfig: { Mode: "PassThrough" },
          SnapStart: { ApplyOn: "None" },
          LoggingConfig: { LogFormat: "Text", LogGroup: "/aws/lambda/f" },
          Runtime: "nodejs22.x",
          Handler: "index.handler",
          Environment: { Variables: { SECRET: "s" } },
        },
        code: { digest: "0".repeat(64), size: 10 },
        layers: [],
        fingerprint: "p",
        key: `k${version}`,
        lastModified: "2026-11-22T00:00:00.000+0000",
        revisionId: "r",
        state: "Active",
        lastUpdateStatus: "Successful",
      },
    ]),
    ["alias", "000000000000/us-east-1/f/live", { name: "live", version: "1", description: "", revisionId: "r" }],
    [
      "role",
      "000000000000/r",
      {
        account: "000000000000",
        name: "r",
        path: "/",
        id: "AROA",
        assumeRolePolicy: "{}",
        maxSessionSeconds: 3600,
        created: "2026-11-22T00:00:00Z",
        tags: {},
        inline: {},
        attached: [],
      },
    ],
  ] as [string, string, unknown][],
};

/** A file as each layout ever released has it, made by its own statements. */
const released: readonly { readonly name: string; make(database: DatabaseSync): void }[] = [
  { name: "an empty file", make: () => {} },
  {
    name: "layout 1",
    make(database) {
      database.exec(first.layout);
      const insert = database.prepare("INSERT INTO documents VALUES (?, ?, ?)");
      for (const [kind, key, document] of first.documents) insert.run(kind, key, JSON.stringify(document));
    },
  },
];

for (const { name, make } of released) {
  test(`a registry of ${name} opens, keeps all that it holds, and takes more`, (t) => {
    const path = join(folder(t), "registry.sqlite");
    const database = new DatabaseSync(path);
    make(database);
    const held = database.prepare("SELECT count(*) AS n FROM sqlite_master WHERE name = 'documents'").get()?.n === 1;
    database.close();
    for (const round of [1, 2]) {
      const registry = createRegistry({ path });
      const scope = { account: "000000000000", region: "us-east-1" };
      assert.equal(registry.functions.list(scope).length, held ? 1 : 0, `round ${round}`);
      if (held) {
        const live = registry.resolve(scope.account, scope.region, "f", "live");
        assert.equal(live.version, "1");
        assert.equal(live.timeoutSeconds, 7);
        assert.equal(live.environment.SECRET, "s");
        assert.equal(registry.roles.get(scope.account, "r")?.id, "AROA");
        assert.deepEqual(registry.functions.get(scope, "f").record.tags, round === 1 ? { a: "b" } : { c: "d" });
        registry.functions.setTags(scope, "f", { c: "d" });
      }
      registry.close();
    }
  });
}

test("every layout has its fixture here", (t) => {
  const path = join(folder(t), "registry.sqlite");
  openStore(path).close();
  const database = new DatabaseSync(path);
  const version = Number(database.prepare("SELECT version FROM schema_version").get()?.version);
  database.close();
  assert.equal(released.length, version + 1, "whoever adds a layout adds a file of the one before to `released`");
});

test("a registry of a newer Thaw is refused in so many words, and is not touched", (t) => {
  const path = join(folder(t), "registry.sqlite");
  const database = new DatabaseSync(path);
  database.exec(
    "CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT; INSERT INTO schema_version VALUES (99)",
  );
  database.close();
  assert.throws(() => openStore(path), /written by a newer Thaw \(layout 99/);
});
