import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createFunctionSecrets, createSealer, type Keys, openKeys } from "../keys/index.ts";
import { createRegistry, type FunctionSettings, type RegistryNeeds } from "./index.ts";

const scope = { account: "000000000000", region: "us-east-1" };
const Variables = { TOKEN: "not-to-be-found-on-the-disk" };
const sealer = createSealer(Buffer.alloc(32, 7));
let now = 1_800_000_000_000;
let keys: Keys;
const secrets: NonNullable<RegistryNeeds["secrets"]> = (named) => {
  keys = openKeys({ sealer, named, clock: () => now });
  return createFunctionSecrets({ sealer, keys });
};

function settingsOf(more: object = {}): FunctionSettings {
  return {
    Role: "arn:aws:iam::000000000000:role/r",
    Description: "",
    Timeout: 3,
    MemorySize: 128,
    PackageType: "Zip",
    Architectures: ["x86_64"],
    EphemeralStorage: { Size: 512 },
    TracingConfig: { Mode: "PassThrough" },
    SnapStart: { ApplyOn: "None" },
    LoggingConfig: { LogFormat: "Text", LogGroup: "/aws/lambda/f" },
    Environment: { Variables },
    ...more,
  };
}
const made = (more?: object) => ({
  settings: settingsOf(more),
  code: { digest: "00".repeat(32), size: 1 },
  layers: [],
  tags: {},
});

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "thaw-sealing-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
const onDisk = (dir: string) =>
  readdirSync(dir)
    .map((file) => readFileSync(join(dir, file), "latin1"))
    .join("");

test("environment variables are not readable on the disk, and are there again after a restart", (t) => {
  const dir = folder(t);
  const path = join(dir, "registry.sqlite");
  const first = createRegistry({ path, secrets });
  first.functions.create(scope, "f", made());
  first.functions.publish(scope, "f", {});
  assert.ok(!onDisk(dir).includes(Variables.TOKEN));
  first.close();
  assert.ok(!onDisk(dir).includes(Variables.TOKEN));
  const second = createRegistry({ path, secrets });
  t.after(() => second.close());
  assert.deepEqual(second.resolve(scope.account, scope.region, "f").environment, Variables);
  assert.deepEqual(second.resolve(scope.account, scope.region, "f", "1").environment, Variables);
});

test("what an earlier version of the platform left open is sealed when it is opened, and wiped", (t) => {
  const dir = folder(t);
  const path = join(dir, "registry.sqlite");
  const before = createRegistry({ path });
  before.functions.create(scope, "f", made());
  before.close();
  assert.ok(onDisk(dir).includes(Variables.TOKEN));
  const after = createRegistry({ path, secrets });
  assert.ok(!onDisk(dir).includes(Variables.TOKEN));
  assert.deepEqual(after.resolve(scope.account, scope.region, "f").environment, Variables);
  after.close();
  assert.ok(!onDisk(dir).includes(Variables.TOKEN));
});

test("another master key is refused, and nothing is changed", (t) => {
  const path = join(folder(t), "registry.sqlite");
  const first = createRegistry({ path, secrets });
  first.functions.create(scope, "f", made());
  first.close();
  const other = createSealer(Buffer.alloc(32, 8));
  assert.throws(
    () =>
      createRegistry({
        path,
        secrets: (named) =>
          createFunctionSecrets({ sealer: other, keys: openKeys({ sealer: other, named, clock: () => now }) }),
      }),
    /another master key/,
  );
});

test("variables under a key of their own go with it when it is deleted, and the function stays", (t) => {
  const path = join(folder(t), "registry.sqlite");
  const first = createRegistry({ path, secrets });
  const key = keys.create(scope, {});
  const KMSKeyArn = `arn:aws:kms:us-east-1:000000000000:key/${key.id}`;
  first.functions.create(scope, "f", made({ KMSKeyArn }));
  assert.equal(keys.trouble(KMSKeyArn), undefined);
  keys.put({ ...key, enabled: false });
  assert.equal(keys.trouble(KMSKeyArn)?.code, "disabled");
  keys.put({ ...key, deletion: now + 1000 });
  now += 2000;
  assert.equal(keys.trouble(KMSKeyArn)?.code, "gone");
  // Still in memory: writing the function again must not seal its variables under another key.
  first.functions.setTags(scope, "f", { a: "b" });
  first.close();
  const second = createRegistry({ path, secrets });
  t.after(() => second.close());
  const { latest } = second.functions.get(scope, "f");
  assert.equal(latest.settings.Environment?.Variables, undefined);
  assert.deepEqual(second.resolve(scope.account, scope.region, "f").environment, {});
  second.functions.setTags(scope, "f", { a: "c" });
});
