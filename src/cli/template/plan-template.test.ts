// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${Name} is CloudFormation's own syntax
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { formatFinding } from "../../templates/index.ts";
import type { FunctionStep, Plan } from "./plan.ts";
import { planTemplate } from "./plan-template.ts";
import { fill } from "./tokens.ts";

const folder = mkdtempSync(join(tmpdir(), "thaw-plan-"));
mkdirSync(join(folder, "src"));
after(() => rmSync(folder, { recursive: true }));

async function plan(text: string, parameters: Record<string, string> = {}): Promise<Plan> {
  const stack = { name: "shop", account: "000000000000", region: "eu-central-1", parameters };
  return await planTemplate(text, join(folder, "template.yaml"), stack);
}

function texts(planned: Plan, severity: "warning" | "error"): string[] {
  return planned.findings.filter((each) => each.severity === severity).map((each) => formatFinding("t", each));
}

async function onlyFunction(text: string, parameters: Record<string, string> = {}): Promise<FunctionStep> {
  const planned = await plan(text, parameters);
  assert.deepEqual(texts(planned, "error"), []);
  const step = planned.steps.find((each) => each.kind === "function");
  assert.ok(step?.kind === "function");
  return step;
}

/** A template with one serverless function; `properties` are lines of YAML at any indentation. */
function template(properties: string, more = ""): string {
  const indented = properties
    .replace(/^\n/, "")
    .split("\n")
    .map((line) => `      ${line}`)
    .join("\n");
  return `Transform: AWS::Serverless-2016-10-31
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: src
${indented}
${more}`;
}

test("properties pass through under CreateFunction's names, numbers from parameters are numbers", async () => {
  const step = await onlyFunction(
    template(
      `
MemorySize: !Ref Memory
Timeout: 30
Description: hi
Architectures: [x86_64]
EphemeralStorage: { Size: 1024 }
Tracing: Active
DeadLetterQueue: { Type: SQS, TargetArn: "arn:aws:sqs:eu-central-1:000000000000:q" }
LoggingConfig: { LogFormat: JSON }
SnapStart: { ApplyOn: PublishedVersions }
DurableConfig: { ExecutionTimeout: 3600, RetentionPeriodInDays: 7 }
Tags: { team: red }
ReservedConcurrentExecutions: 5`,
      "Parameters:\n  Memory: { Type: Number, Default: 256 }\n",
    ),
    { Memory: "512" },
  );
  assert.equal(step.name, "shop-Fn");
  assert.deepEqual(step.settings, {
    Runtime: "nodejs22.x",
    Handler: "index.handler",
    MemorySize: 512,
    Timeout: 30,
    Description: "hi",
    Architectures: ["x86_64"],
    EphemeralStorage: { Size: 1024 },
    TracingConfig: { Mode: "Active" },
    DeadLetterConfig: { TargetArn: "arn:aws:sqs:eu-central-1:000000000000:q" },
    LoggingConfig: { LogFormat: "JSON" },
    SnapStart: { ApplyOn: "PublishedVersions" },
    DurableConfig: { ExecutionTimeout: 3600, RetentionPeriodInDays: 7 },
  });
  assert.deepEqual(step.tags, { team: "red" });
  assert.equal(step.reserved?.value, 5);
  assert.equal(step.reserved?.exact, true);
});

test("environment variables become the text that was written", async () => {
  const step = await onlyFunction(
    template(
      "Environment:\n  Variables:\n    ONE: 1\n    FLOAT: 1.0\n    YES: true\n    SUB: !Sub '${AWS::Region}-${AWS::AccountId}'",
    ),
  );
  assert.deepEqual(step.settings.Environment, {
    Variables: { ONE: "1", FLOAT: "1.0", YES: "true", SUB: "eu-central-1-000000000000" },
  });
});

test("Globals are merged: mappings by member, lists appended, scalars replaced", async () => {
  const step = await onlyFunction(
    template(
      "Timeout: 9\nEnvironment:\n  Variables: { A: own, B: own }\nLayers: [arn:own]",
      "Globals:\n  Function:\n    Timeout: 3\n    MemorySize: 512\n    Layers: [arn:global]\n    Environment:\n      Variables: { A: global, C: global }\n",
    ),
  );
  assert.equal(step.settings.Timeout, 9);
  assert.equal(step.settings.MemorySize, 512);
  assert.deepEqual(step.settings.Layers, ["arn:global", "arn:own"]);
  assert.deepEqual(step.settings.Environment, { Variables: { A: "own", B: "own", C: "global" } });
});

test("a property that nothing acts on is named with its line", async () => {
  const planned = await plan(template("Events:\n  Api: { Type: Api }\nVpcConfig: { SubnetIds: [!Ref Missing] }"));
  assert.deepEqual(texts(planned, "warning"), [
    "t:9: Fn.Properties.Events: not acted on yet",
    "t:11: Fn.Properties.VpcConfig: not acted on yet",
  ]);
});

test("a resource of a type that is not known is named, and a reference to it left out by name", async () => {
  const planned = await plan(
    template(
      "Environment:\n  Variables:\n    TABLE: !Ref Table\n    KEPT: x",
      "  Table:\n    Type: AWS::DynamoDB::Table\n",
    ),
  );
  assert.deepEqual(texts(planned, "warning"), [
    "t:11: Fn.Properties.Environment.Variables.TABLE: left out: Table is an AWS::DynamoDB::Table, which is not acted on yet",
    "t:13: Table: AWS::DynamoDB::Table: not acted on yet",
  ]);
  assert.deepEqual((planned.steps[0] as FunctionStep).settings.Environment, { Variables: { KEPT: "x" } });
});

test("all errors of a template are said at once, each with its line", async () => {
  const planned = await plan(`
Parameters:
  Stage: { Type: String, AllowedValues: [dev, prod], Default: test }
  Needed: { Type: String }
Resources:
  A:
    Type: AWS::Serverless::Function
    Properties: { Runtime: nodejs22.x, Handler: a.b, CodeUri: missing, MemorySize: lots }
  B:
    Type: AWS::Lambda::Function
    Properties: { Code: { ZipFile: "x" } }
  C:
    Type: AWS::Lambda::Function
    Properties: { PackageType: Image, Code: { ImageUri: x } }
`);
  const errors = texts(planned, "error");
  assert.equal(errors.length, 6, errors.join("\n"));
  assert.match(errors[0]!, /^t:3: Parameters.Stage: "test" is not one of dev, prod/);
  assert.match(errors[1]!, /^t:4: Parameters.Needed: .*--parameter Needed=VALUE/);
  assert.ok(errors.some((text) => /^t:8: A.Properties.CodeUri: missing does not exist/.test(text)));
  assert.ok(errors.some((text) => /^t:8: A.Properties.MemorySize: must be a number, not "lots"/.test(text)));
  assert.ok(errors.some((text) => /^t:9: B: needs Runtime and Handler/.test(text)));
  assert.ok(errors.some((text) => /^t:12: C: container images/.test(text)));
});

test("conditions choose resources and values, mappings are looked up, NoValue removes", async () => {
  const text = `
Parameters:
  Stage: { Type: String, Default: dev }
Mappings:
  Sizes: { dev: { memory: 128 }, prod: { memory: 1024 } }
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  Both: !And [!Condition IsProd, !Not [!Equals [a, b]]]
Resources:
  Fn:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      Code: { ZipFile: "def handler(e, c): pass" }
      MemorySize: !FindInMap [Sizes, !Ref Stage, memory]
      Timeout: !If [Both, 30, !Ref AWS::NoValue]
  Extra:
    Type: AWS::Lambda::Function
    Condition: IsProd
    Properties: { Runtime: python3.12, Handler: index.handler, Code: { ZipFile: "" } }
`;
  const dev = await plan(text);
  assert.deepEqual(dev.findings, []);
  assert.deepEqual(
    dev.steps.map((step) => step.logicalId),
    ["Fn"],
  );
  const inDev = dev.steps[0] as FunctionStep;
  assert.equal(inDev.settings.MemorySize, 128);
  assert.ok(!("Timeout" in inDev.settings));
  assert.deepEqual(inDev.code, { kind: "inline", file: "index.py", text: "def handler(e, c): pass" });

  const prod = await plan(text, { Stage: "prod" });
  assert.deepEqual(
    prod.steps.map((step) => step.logicalId),
    ["Fn", "Extra"],
  );
  const inProd = prod.steps[0] as FunctionStep;
  assert.equal(inProd.settings.MemorySize, 1024);
  assert.equal(inProd.settings.Timeout, 30);
});

test("steps come after what they refer to, and what is known later is filled in then", async () => {
  const planned = await plan(`
Resources:
  Live:
    Type: AWS::Lambda::Alias
    Properties: { FunctionName: !Ref Fn, FunctionVersion: !GetAtt V1.Version, Name: live }
  V1:
    Type: AWS::Lambda::Version
    Properties: { FunctionName: !Ref Fn }
  Fn:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      Code: { ZipFile: "" }
      Layers: [!Ref Dep]
  Dep:
    Type: AWS::Lambda::LayerVersion
    Properties: { Content: src }
Outputs:
  Where: { Value: !Sub "\${Live}/\${Fn.Arn}" }
`);
  assert.deepEqual(planned.findings, []);
  assert.deepEqual(
    planned.steps.map((step) => step.logicalId),
    ["Dep", "Fn", "V1", "Live"],
  );
  const known = new Map([
    ["Dep.Ref", "arn:layer:1"],
    ["V1.Version", "7"],
    ["Live.Ref", "arn:alias"],
  ]);
  const [, fn, , live] = planned.steps.map((step) => ("settings" in step ? fill(step.settings, known) : {}));
  assert.deepEqual(fn?.Layers, ["arn:layer:1"]);
  assert.equal(live?.FunctionVersion, "7");
  assert.equal(
    fill(planned.outputs, known).Where,
    "arn:alias/arn:aws:lambda:eu-central-1:000000000000:function:shop-Fn",
  );
});

test("resources that need each other are an error that shows the circle", async () => {
  const inline = "Runtime: nodejs22.x, Handler: index.handler, Code: { ZipFile: '' }";
  const planned = await plan(`
Resources:
  A:
    Type: AWS::Lambda::Function
    DependsOn: B
    Properties: { ${inline} }
  B:
    Type: AWS::Lambda::Function
    DependsOn: A
    Properties: { ${inline} }
`);
  assert.match(texts(planned, "error").join(), /depends on itself: A → B → A/);
});

test("two functions of one name, and a parameter that the template does not have, are errors", async () => {
  const inline = "FunctionName: same, Runtime: nodejs22.x, Handler: index.handler, Code: { ZipFile: '' }";
  const planned = await plan(
    `Resources:\n  A: { Type: AWS::Lambda::Function, Properties: { ${inline} } }\n  B: { Type: AWS::Lambda::Function, Properties: { ${inline} } }\n`,
    { Nope: "1" },
  );
  const errors = texts(planned, "error");
  assert.match(errors[0]!, /--parameter Nope: the template has no such parameter/);
  assert.match(errors[1]!, /B: has the same FunctionName as A: same/);
});

test("the misspelled reservation is understood, and the right name is said", async () => {
  const planned = await plan(template("ReservedConcurrencyLimit: 500"));
  assert.deepEqual(texts(planned, "warning"), [
    "t:9: Fn.Properties.ReservedConcurrencyLimit: AWS calls this ReservedConcurrentExecutions; understood as that",
  ]);
  assert.equal((planned.steps[0] as FunctionStep).reserved?.value, 500);
});

test("AutoPublishAlias publishes, and other resources may refer to the version and alias it makes", async () => {
  const planned = await plan(template("AutoPublishAlias: live", "Outputs:\n  A: { Value: !Ref Fn.Alias }\n"));
  const step = planned.steps[0] as FunctionStep;
  assert.deepEqual(step.publish, { alias: "live", description: undefined });
  assert.equal(fill(planned.outputs, new Map([["Fn.Alias", "arn:alias"]])).A, "arn:alias");
});
