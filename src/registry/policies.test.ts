import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { accountIdentity } from "../policy/index.ts";
import { createRegistry, type NewFunction } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "thaw-policies-"));
after(() => rmSync(folder, { recursive: true }));

const scope = { account: "111111111111", region: "us-east-1" };
const arn = "arn:aws:lambda:us-east-1:111111111111:function:f";
const made: NewFunction = {
  settings: {
    Role: "arn:aws:iam::111111111111:role/r",
    Description: "",
    Timeout: 3,
    MemorySize: 128,
    PackageType: "Zip",
    Architectures: ["x86_64"],
    EphemeralStorage: { Size: 512 },
    TracingConfig: { Mode: "PassThrough" },
    SnapStart: { ApplyOn: "None" },
    LoggingConfig: { LogFormat: "Text", LogGroup: "/aws/lambda/f" },
    Runtime: "nodejs24.x",
    Handler: "index.handler",
  },
  code: { digest: "0".repeat(64), size: 1 },
  layers: [],
  tags: {},
};
let files = 0;
const open = (path = join(folder, `${files++}.sqlite`)) => ({ path, registry: createRegistry({ path }) });
const document = (...Statement: object[]) => JSON.stringify({ Version: "2012-10-17", Statement });
const statement = (more: object = {}) => ({
  Effect: "Allow",
  Principal: "*",
  Action: "lambda:InvokeFunction",
  Resource: arn,
  ...more,
});
const asked = { principal: accountIdentity("222222222222"), action: "lambda:InvokeFunction" };

test("a policy survives a restart, and so does the knowledge that it denies", () => {
  const { path, registry } = open();
  registry.functions.create(scope, "f", made);
  const before = registry.functions.get(scope, "f").latest.revisionId;
  registry.functionPolicies.set(scope, "f", undefined, document(statement({ Effect: "Deny" })));
  const revision = registry.functions.get(scope, "f").latest.revisionId;
  assert.notEqual(revision, before);
  const kept = registry.functionPolicies.get(scope, "f");
  registry.close();

  const again = open(path).registry;
  assert.deepEqual(again.functionPolicies.get(scope, "f"), kept);
  assert.equal(again.functions.get(scope, "f").latest.revisionId, revision);
  assert.equal(again.functionPolicies.denies(scope, "f"), true);
  assert.equal(again.functionPolicies.denies(scope, "g"), false);
  assert.equal(again.functionPolicies.evaluate(scope, "f", undefined, asked).decision, "deny");
  again.close();
});

test("a qualified name is judged by its own policy and by the function's", () => {
  const { registry } = open();
  registry.functions.create(scope, "f", made);
  registry.functions.publish(scope, "f", {});
  registry.functions.putAlias(scope, "f", { name: "live", version: "1", description: "", revisionId: "r" });
  const { functionPolicies } = registry;
  const decide = (qualifier?: string) => functionPolicies.evaluate(scope, "f", qualifier, asked).decision;
  functionPolicies.set(scope, "f", undefined, document(statement()));
  assert.deepEqual([decide(), decide("$LATEST"), decide("1"), decide("live")], ["allow", "allow", "none", "none"]);
  functionPolicies.set(scope, "f", "live", document(statement({ Resource: `${arn}:live` })));
  assert.deepEqual([decide("1"), decide("live")], ["none", "allow"]);
  functionPolicies.set(scope, "f", undefined, document(statement({ Effect: "Deny", Resource: `${arn}:*` })));
  assert.deepEqual([decide(), decide("$LATEST"), decide("1"), decide("live")], ["none", "deny", "deny", "deny"]);
  registry.close();
});

test("a service is let in for the resource and account that its condition names", () => {
  const { registry } = open();
  registry.functions.create(scope, "f", made);
  const Condition = {
    StringEquals: { "AWS:SourceAccount": scope.account },
    ArnLike: { "AWS:SourceArn": "arn:aws:s3:::bucket*" },
  };
  const text = document(statement({ Principal: { Service: "s3.amazonaws.com" }, Condition }));
  registry.functionPolicies.set(scope, "f", undefined, text);
  const decide = (service: string, bucket: string, sourceAccount = scope.account) =>
    registry.functionPolicies.isAllowed(scope, "f", undefined, {
      service,
      sourceArn: `arn:aws:s3:::${bucket}`,
      sourceAccount,
    });
  assert.equal(decide("s3.amazonaws.com", "bucket-1"), true);
  assert.equal(decide("sns.amazonaws.com", "bucket-1"), false);
  assert.equal(decide("s3.amazonaws.com", "other"), false);
  assert.equal(decide("s3.amazonaws.com", "bucket-1", "333333333333"), false);
  assert.equal(registry.functionPolicies.isAllowed(scope, "f", undefined, { service: "s3.amazonaws.com" }), false);
  registry.close();
});

test("policies go with the function, the version and the alias that they belong to", () => {
  const { path, registry } = open();
  const add = () => {
    registry.functions.create(scope, "f", made);
    registry.functions.publish(scope, "f", {});
    registry.functions.putAlias(scope, "f", { name: "live", version: "1", description: "", revisionId: "r" });
    for (const qualifier of [undefined, "1", "live"]) {
      registry.functionPolicies.set(scope, "f", qualifier, document(statement()));
    }
  };
  const has = (from = registry) =>
    [undefined, "1", "live"].map((qualifier) => from.functionPolicies.get(scope, "f", qualifier) !== undefined);
  add();
  assert.deepEqual(has(), [true, true, true]);
  registry.functions.removeAlias(scope, "f", "live");
  assert.deepEqual(has(), [true, true, false]);
  registry.functions.removeVersion(scope, "f", "1");
  assert.deepEqual(has(), [true, false, false]);
  registry.functions.remove(scope, "f");
  assert.deepEqual(has(), [false, false, false]);
  add();
  registry.functions.remove(scope, "f");
  registry.close();
  const again = open(path).registry;
  assert.deepEqual(has(again), [false, false, false]);
  again.close();
});

test("a policy of a function that does not exist is not kept", () => {
  const { registry } = open();
  assert.throws(() => registry.functionPolicies.set(scope, "f", undefined, document(statement())), {
    name: "ResourceNotFoundException",
  });
  assert.equal(registry.functionPolicies.get(scope, "f"), undefined);
  registry.close();
});
