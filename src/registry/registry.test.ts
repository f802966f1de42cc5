import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, test } from "node:test";
import { ServiceError } from "../model/index.ts";
import { createRegistry, type FunctionSettings, type Registry } from "./index.ts";
import { choose } from "./resolve.ts";

const scope = { account: "000000000000", region: "us-east-1" };
const code = { digest: "a".repeat(64), size: 10 };
const settings: FunctionSettings = {
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
  Runtime: "nodejs22.x",
  Handler: "index.handler",
};
const made = { settings, code, layers: [], tags: {} };

let folder: string;
let registry: Registry;
const open = () => createRegistry({ path: join(folder, "registry.sqlite") });
const resolve = (qualifier?: string) => registry.resolve(scope.account, scope.region, "f", qualifier);
const failure = (codeOf: string) => (error: unknown) => error instanceof ServiceError && error.code === codeOf;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "thaw-registry-"));
  registry = open();
});
afterEach(() => {
  registry.close();
  rmSync(folder, { recursive: true });
});

function reopen(): void {
  registry.close();
  registry = open();
}

test("everything is as it was after a restart", () => {
  registry.functions.create(scope, "f", { ...made, tags: { a: "b" } });
  registry.functions.publish(scope, "f", { description: "first" });
  registry.functions.putAlias(scope, "f", { name: "live", version: "1", description: "d", revisionId: "r" });
  registry.functions.reserve(scope, "f", 3);
  registry.layers.publish(scope, "l", { code, createdDate: "now" });
  registry.layers.publish(scope, "l", { code, createdDate: "now" });
  registry.layers.remove(scope, "l", 2);
  registry.roles.put({
    account: scope.account,
    name: "r",
    path: "/",
    id: "AROA",
    assumeRolePolicy: "{}",
    maxSessionSeconds: 3600,
    created: "now",
    tags: {},
    inline: { p: "{}" },
    attached: [],
  });
  const [latest, version, alias] = [resolve(), resolve("1"), resolve("live")];
  reopen();
  assert.deepEqual([resolve(), resolve("1"), resolve("live")], [latest, version, alias]);
  assert.equal(resolve().reservedConcurrency, 3);
  assert.deepEqual(registry.functions.get(scope, "f").record.tags, { a: "b" });
  assert.deepEqual(
    registry.layers.versions(scope, "l").map((layer) => layer.version),
    [1],
  );
  assert.equal(registry.layers.publish(scope, "l", { code, createdDate: "now" }).version, 3);
  assert.equal(registry.roles.get(scope.account, "r")?.inline.p, "{}");
});

test("versions are in the order of their publication after a restart, too", () => {
  const names = ["f", "g", "h", "i"];
  for (const name of names) {
    registry.functions.create(scope, name, made);
    for (let n = 0; n < 12; n += 1) {
      const { key } = registry.functions.get(scope, name).latest;
      registry.functions.settle(scope, name, "$LATEST", key, { ready: true });
      registry.functions.update(scope, name, { code });
      registry.functions.publish(scope, name, {});
    }
  }
  reopen();
  const order = Array.from({ length: 12 }, (_, n) => String(n + 1));
  for (const name of names) assert.deepEqual([...registry.functions.get(scope, name).versions.keys()], order);
});

test("a resolved version is frozen, the same object every time, and another after every change", () => {
  registry.functions.create(scope, "f", made);
  const first = resolve();
  assert.equal(resolve(), first);
  assert.ok(Object.isFrozen(first) && Object.isFrozen(first.environment) && Object.isFrozen(first.layers));
  registry.functions.update(scope, "f", { settings: { ...settings, Timeout: 9 } });
  assert.notEqual(resolve().key, first.key);
  assert.equal(first.timeoutSeconds, 3);
});

test("a reservation and the end of preparation change nothing that environments depend on", () => {
  registry.functions.create(scope, "f", made);
  const { key } = resolve();
  registry.functions.settle(scope, "f", "$LATEST", key, { ready: true });
  registry.functions.reserve(scope, "f", 5);
  assert.equal(resolve().key, key);
});

test("the network's tag makes another pool, so that no environment keeps a network it should not have", () => {
  registry.functions.create(scope, "f", made);
  const { key, network } = resolve();
  assert.equal(network, "none");
  registry.functions.setTags(scope, "f", { "thaw:egress": "on" });
  assert.equal(resolve().network, "egress");
  assert.notEqual(resolve().key, key);
});

test("the result of a preparation that an update overtook is dropped", () => {
  registry.functions.create(scope, "f", made);
  const old = resolve().key;
  registry.functions.update(scope, "f", { settings: { ...settings, Timeout: 9 } });
  registry.functions.settle(scope, "f", "$LATEST", old, { ready: false, reason: "late", code: "InternalError" });
  assert.equal(registry.functions.get(scope, "f").latest.state, "Pending");
  registry.functions.settle(scope, "f", "$LATEST", resolve().key, { ready: true });
  assert.equal(registry.functions.get(scope, "f").latest.state, "Active");
});

test("an update of an active function that fails leaves it active and says why", () => {
  registry.functions.create(scope, "f", made);
  registry.functions.settle(scope, "f", "$LATEST", resolve().key, { ready: true });
  registry.functions.update(scope, "f", { settings: { ...settings, Runtime: "java8" } });
  assert.equal(registry.functions.get(scope, "f").latest.lastUpdateStatus, "InProgress");
  const settlement = { ready: false, reason: "no java", code: "InvalidRuntime" } as const;
  registry.functions.settle(scope, "f", "$LATEST", resolve().key, settlement);
  const { state, lastUpdateStatus, lastUpdateStatusReason } = registry.functions.get(scope, "f").latest;
  assert.deepEqual([state, lastUpdateStatus, lastUpdateStatusReason], ["Active", "Failed", "no java"]);
});

test("publishing after an update publishes, even where it changed nothing, and twice in a row publishes once", () => {
  registry.functions.create(scope, "f", made);
  const first = registry.functions.publish(scope, "f", {});
  const same = registry.functions.publish(scope, "f", { description: "other" });
  registry.functions.update(scope, "f", { settings });
  const second = registry.functions.publish(scope, "f", {});
  assert.deepEqual([first.made, same.made, same.version.version], [true, false, "1"]);
  assert.deepEqual([second.made, second.version.version], [true, "2"]);
});

test("a weighted alias sends its share to the other version", () => {
  registry.functions.create(scope, "f", made);
  registry.functions.publish(scope, "f", {});
  registry.functions.update(scope, "f", { settings: { ...settings, Timeout: 9 } });
  registry.functions.publish(scope, "f", {});
  const alias = { name: "live", version: "1", description: "", revisionId: "r", weights: { "2": 0.25 } };
  registry.functions.putAlias(scope, "f", alias);
  const drawn = new Set(Array.from({ length: 500 }, () => resolve("live").version));
  assert.deepEqual([...drawn].sort(), ["1", "2"]);
  const route = { target: resolve("1"), shares: [{ target: resolve("2"), weight: 0.25 }] };
  assert.deepEqual(
    [0, 0.249, 0.25, 0.999].map((chance) => choose(route, chance).version),
    ["2", "2", "1", "1"],
  );
});

test("what does not exist is ResourceNotFoundException, what is written twice ResourceConflictException", () => {
  assert.throws(() => resolve(), failure("ResourceNotFoundException"));
  registry.functions.create(scope, "f", made);
  assert.throws(() => resolve("7"), failure("ResourceNotFoundException"));
  assert.throws(() => registry.functions.create(scope, "f", made), failure("ResourceConflictException"));
  assert.throws(
    () => registry.layers.refs(["arn:aws:lambda:us-east-1:000000000000:layer:x:1"]),
    failure("InvalidParameterValueException"),
  );
});

test("names of the language's own do not exist as functions, qualifiers or tags", () => {
  registry.functions.create(scope, "constructor", made);
  for (const name of ["__proto__", "toString"]) {
    assert.throws(
      () => registry.resolve(scope.account, scope.region, "constructor", name),
      failure("ResourceNotFoundException"),
    );
    assert.equal(registry.functions.find(scope, name), undefined);
  }
});

test("garbage collection is told every zip that something needs, and no other", () => {
  const other = { digest: "b".repeat(64), size: 1 };
  const layer = registry.layers.publish(scope, "l", { code: { digest: "c".repeat(64), size: 1 }, createdDate: "now" });
  const layers = registry.layers.refs(["arn:aws:lambda:us-east-1:000000000000:layer:l:1"]);
  registry.functions.create(scope, "f", { ...made, layers });
  registry.functions.publish(scope, "f", {});
  registry.functions.update(scope, "f", { code: other });
  const digests = () => [...new Set(registry.liveCode().map((ref) => ref.digest[0]))].sort();
  assert.deepEqual(digests(), ["a", "b", "c"]);
  registry.layers.remove(scope, "l", layer.version);
  assert.deepEqual(digests(), ["a", "b", "c"]);
  registry.functions.remove(scope, "f");
  assert.deepEqual(digests(), []);
});

test("the file is the owner's alone, and one of a newer Thaw is left untouched", () => {
  const path = join(folder, "registry.sqlite");
  assert.equal(statSync(path).mode & 0o777, 0o600);
  registry.close();
  const database = new DatabaseSync(path);
  database.exec("UPDATE schema_version SET version = 999");
  database.close();
  assert.throws(open, /newer Thaw/);
  const repaired = new DatabaseSync(path);
  repaired.exec("UPDATE schema_version SET version = 1");
  repaired.close();
  registry = open();
});
