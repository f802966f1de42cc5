import assert from "node:assert/strict";
import { test } from "node:test";
import type { FunctionConfiguration } from "../lambda.ts";
import { findings } from "./findings.ts";
import type { LoadedModule, Profile } from "./profile.ts";

const about: FunctionConfiguration = { FunctionName: "shop", FunctionArn: "arn:aws:lambda:::function:shop" };
const contentsOf = (files: Readonly<Record<string, string | Buffer>>) =>
  new Map(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)] as const));
const profileOf = (modules: readonly LoadedModule[]): Profile => ({
  whole: 0,
  failure: null,
  connections: [],
  modules,
});
const module = (file: string, by: string | null, self: number, total = self): LoadedModule => ({
  file,
  by,
  self,
  total,
});
const kindsOf = (found: ReturnType<typeof findings>) => found.map(({ kind, about: what }) => `${kind}: ${what}`);
const none = contentsOf({ "index.js": "" });

test("a dependency costs what it brings along, and is told once; the dearest comes first", () => {
  const profile = profileOf([
    module("index.js", null, 7, 140),
    module("node_modules/orm/index.js", "index.js", 3, 93),
    module("node_modules/orm/lib/dialects.js", "node_modules/orm/index.js", 10, 90),
    module("node_modules/dates/index.js", "node_modules/orm/lib/dialects.js", 80),
    module("node_modules/tiny/index.js", "index.js", 2),
    module("node_modules/aws-sdk/index.js", "index.js", 40, 40),
  ]);
  const found = findings(about, none, 0, profile, undefined);
  assert.deepEqual(
    found.map(({ kind, about: what, ms }) => [kind, what, ms]),
    [
      ["heavy dependency", "orm", 93],
      ["heavy dependency", "dates", 80],
      ["sdk version 2", "aws-sdk", 40],
      ["work at init", "index.js", 7],
    ],
  );
});

test("what the runtime loads, and what takes less than 5 ms, is nobody's fault", () => {
  const profile = profileOf([module("/var/runtime/bootstrap.js", null, 50), module("index.js", null, 4.9)]);
  assert.deepEqual(findings(about, none, 0, profile, undefined), []);
});

test("clients are looked for in functions of one's own code, and not in comments or dependencies", () => {
  const files = {
    "index.js":
      "const top = new S3Client({});\nexports.handler = async () => {\n  const late = new SQSClient({});\n  // new SNSClient({});\n};",
    "app.py":
      "import boto3\ntable = boto3.resource('dynamodb')\ndef handler(event, context):\n    s3 = boto3.client('s3')\n",
    "node_modules/kit/index.js": "function f() {\n  return new KMSClient({});\n}",
  };
  const found = findings(about, contentsOf(files), 0, undefined, undefined);
  assert.deepEqual(kindsOf(found), ["client in the handler: index.js:3", "client in the handler: app.py:4"]);
});

test("a package is large above 50 MB, and dependencies of 5 MB could be a layer where there is none", () => {
  const large = contentsOf({ "index.js": "", "model.bin": Buffer.alloc(51 * 2 ** 20) });
  assert.deepEqual(kindsOf(findings(about, large, 2 ** 20, undefined, undefined)), ["large package: shop"]);
  const heavy = contentsOf({ "index.js": "kit", "node_modules/kit/data.json": Buffer.alloc(6 * 2 ** 20) });
  assert.deepEqual(kindsOf(findings(about, heavy, 0, undefined, undefined)), ["layer: node_modules"]);
  const layered = { ...about, Layers: [{ Arn: "arn:aws:lambda:::layer:kit:1" }] };
  assert.deepEqual(findings(layered, heavy, 0, undefined, undefined), []);
});

test("a VPC is doubted only where the code names no database", () => {
  const inside = { ...about, VpcConfig: { SubnetIds: ["subnet-1"] } };
  assert.deepEqual(kindsOf(findings(inside, none, 0, undefined, undefined)), ["vpc: subnet-1"]);
  const store = contentsOf({ "index.js": 'const { Client } = require("pg");' });
  assert.deepEqual(findings(inside, store, 0, undefined, undefined), []);
});

test("a package is unused when the handler does not reach it and no code names it", () => {
  const files = contentsOf({
    "index.js": 'require("used"); const name = "plugin"; require(name);',
    "node_modules/used/index.js": "1",
    "node_modules/plugin/index.js": "22",
    "node_modules/forgotten/index.js": "333",
  });
  const reached = new Set(["index.js", "node_modules/used/index.js"]);
  const found = findings(about, files, 0, undefined, reached);
  assert.deepEqual(
    found.map(({ kind, about: what, bytes }) => [kind, what, bytes]),
    [["unused package", "forgotten", 3]],
  );
  assert.deepEqual(findings(about, files, 0, undefined, undefined), [], "without a bundler's word nothing is sure");
});

test("a connection that init opens is told with its place", () => {
  const profile = { ...profileOf([]), connections: [{ to: "db:5432", at: "in store.js" }] };
  const [found] = findings(about, none, 0, profile, undefined);
  assert.equal(found!.about, "db:5432");
  assert.match(found!.words, /in store\.js: a copy of the environment cannot have it/);
});
