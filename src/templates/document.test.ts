// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${Name} is CloudFormation's own syntax
import assert from "node:assert/strict";
import { test } from "node:test";
import { readTemplate } from "./document.ts";
import { createFindings } from "./findings.ts";

function read(text: string) {
  const findings = createFindings();
  return { document: readTemplate(text, findings), findings: findings.all() };
}

test("short forms become long forms, whether their argument is text, a list or a mapping", () => {
  const { document, findings } = read(`
A: !Ref Name
B: !GetAtt Function.Arn
C: !GetAtt Stack.Outputs.Key
D: !Join ["-", [a, !Ref Name]]
E: !Sub "\${Name}-x"
F: !Sub ["\${N}", { N: !Ref Name }]
G: !If [Cond, !Ref A, !Ref "AWS::NoValue"]
H: !Transform { Name: AWS::Include, Parameters: {} }
I: !Select [0, !Split [",", "a,b"]]
J: !Ref 123
`);
  assert.deepEqual(findings, []);
  assert.deepEqual(document?.root, {
    A: { Ref: "Name" },
    B: { "Fn::GetAtt": ["Function", "Arn"] },
    C: { "Fn::GetAtt": ["Stack", "Outputs.Key"] },
    D: { "Fn::Join": ["-", ["a", { Ref: "Name" }]] },
    E: { "Fn::Sub": "${Name}-x" },
    F: { "Fn::Sub": ["${N}", { N: { Ref: "Name" } }] },
    G: { "Fn::If": ["Cond", { Ref: "A" }, { Ref: "AWS::NoValue" }] },
    H: { "Fn::Transform": { Name: "AWS::Include", Parameters: {} } },
    I: { "Fn::Select": [0, { "Fn::Split": [",", "a,b"] }] },
    J: { Ref: "123" },
  });
});

test("every member knows its line, in YAML and in JSON", () => {
  const yaml = read("Resources:\n  One:\n    Type: X\n    List:\n      - a\n      - b\n");
  const resources = yaml.document?.root.Resources as Record<string, Record<string, unknown>>;
  assert.equal(yaml.document?.positions.line(resources, "One"), 2);
  assert.equal(yaml.document?.positions.line(resources.One, "List"), 4);
  assert.equal(yaml.document?.positions.line(resources.One?.List, 1), 6);

  const json = read('{\n  "Resources": {\n    "One": { "Type": "X" }\n  }\n}');
  assert.equal(json.document?.positions.line(json.document.root.Resources, "One"), 3);
});

test("a scalar keeps the text it was written as", () => {
  const { document } = read("A: 1.0\nB: 0x10\nC: TRUE\n");
  assert.equal(document?.root.A, 1);
  assert.equal(document?.positions.source(document.root, "A"), "1.0");
  assert.equal(document?.positions.source(document.root, "C"), "TRUE");
});

test("anchors and merge keys are followed", () => {
  const { document, findings } = read("Base: &base { A: 1, B: 2 }\nUse:\n  <<: *base\n  B: 3\nAgain: *base\n");
  assert.deepEqual(findings, []);
  assert.deepEqual(document?.root.Use, { A: 1, B: 3 });
  assert.deepEqual(document?.root.Again, { A: 1, B: 2 });
});

test("a syntax error names its line and gives no document", () => {
  const { document, findings } = read("Resources:\n  A: [1, 2\n  B: }\n");
  assert.equal(document, undefined);
  assert.ok(findings.length > 0);
  assert.ok(findings.every((finding) => finding.severity === "error" && finding.line >= 2));
});

test("a member called __proto__ is a member like any other", () => {
  const { document } = read('{"A": {"__proto__": {"polluted": true}}}');
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
  assert.ok(Object.hasOwn(document?.root.A as object, "__proto__"));
});
