import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import type { FunctionStep } from "../../src/cli/template/plan.ts";
import { planTemplate } from "../../src/cli/template/plan-template.ts";

/** AWS's translator is the oracle for what a SAM function comes to. */
const translator = spawnSync("python3", ["-c", "import samtranslator"]).status === 0;
const skip = translator ? false : "aws-sam-translator is not installed (pip install aws-sam-translator)";

type Document = Record<string, unknown>;
const inline = { Runtime: "nodejs22.x", Handler: "index.handler", InlineCode: "exports.handler = async () => 1" };

function template(properties: Document, globals: Document = {}): Document {
  return {
    Transform: "AWS::Serverless-2016-10-31",
    Globals: { Function: globals },
    Resources: { Fn: { Type: "AWS::Serverless::Function", Properties: { ...inline, ...properties } } },
  };
}

const cases: readonly (readonly [string, Document])[] = [
  ["plain settings", template({ MemorySize: 512, Timeout: 9, Description: "d", Architectures: ["arm64"] })],
  ["tracing", template({ Tracing: "Active" })],
  ["tracing of Globals", template({}, { Tracing: "PassThrough", MemorySize: 1024 })],
  ["a dead letter queue", template({ DeadLetterQueue: { Type: "SQS", TargetArn: "arn:aws:sqs:us-east-1:1:q" } })],
  [
    "storage, logging and snapshots",
    template({
      EphemeralStorage: { Size: 1024 },
      LoggingConfig: { LogFormat: "JSON" },
      SnapStart: { ApplyOn: "PublishedVersions" },
    }),
  ],
  [
    "environment and layers of both",
    template(
      { Environment: { Variables: { A: "own", C: "own" } }, Layers: ["arn:own"] },
      { Environment: { Variables: { A: "global", B: "global" } }, Layers: ["arn:g1", "arn:g2"] },
    ),
  ],
  ["tags", template({ Tags: { team: "red" } }, { Tags: { team: "blue", cost: "1" } })],
  ["a reservation", template({ ReservedConcurrentExecutions: 7 })],
  ["an own role", template({ Role: "arn:aws:iam::000000000000:role/mine" })],
];

/** What the translator adds and Thaw decides elsewhere. */
const ofTheTranslator = new Set(["Code", "Tags", "Role", "ReservedConcurrentExecutions", "FunctionName"]);

for (const [name, document] of cases) {
  test(`${name}: a SAM function comes to what AWS's translator makes of it`, { skip }, async () => {
    const python = spawnSync("python3", [join(import.meta.dirname, "sam-translator.py")], {
      input: JSON.stringify(document),
      encoding: "utf8",
    });
    assert.equal(python.status, 0, python.stderr);
    const expected: Document = JSON.parse(python.stdout).Resources.Fn.Properties;

    const stack = { name: "s", account: "000000000000", region: "us-east-1", parameters: {} };
    const plan = await planTemplate(JSON.stringify(document), "template.json", stack);
    assert.deepEqual(plan.findings, []);
    const step = plan.steps[0] as FunctionStep;

    const { Role, ...settings } = step.settings;
    assert.deepEqual(
      settings,
      Object.fromEntries(Object.entries(expected).filter(([property]) => !ofTheTranslator.has(property))),
    );
    if (Role !== undefined) assert.equal(Role, expected.Role);
    assert.equal(step.reserved?.value, expected.ReservedConcurrentExecutions);
    assert.ok(step.code.kind === "inline");
    assert.equal(step.code.text, (expected.Code as Document).ZipFile);
    const tags = (expected.Tags as { Key: string; Value: string }[]).filter(({ Key }) => Key !== "lambda:createdBy");
    assert.deepEqual(step.tags, Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value])));
  });
}
