// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${Name} is CloudFormation's own syntax
import assert from "node:assert/strict";
import { test } from "node:test";
import { evaluate, noValue, type Scope, Unresolved } from "./evaluate.ts";

const scope: Scope = {
  positions: { line: () => undefined, source: () => undefined, place: () => {}, inherit: () => {} },
  region: "us-east-1",
  reference: (name) => ({ Name: "n", List: ["a", "b"], "AWS::NoValue": noValue })[name] ?? new Unresolved(`no ${name}`),
  attribute: (id, attribute) => `${id}!${attribute}`,
  mapping: (...keys) => (keys.join() === "M,a,b" ? 7 : new Unresolved("not mapped")),
  condition: (name) => name === "Yes",
  exported: (name) => (name === "other-n" ? "imported" : new Unresolved(`No export named ${name} found.`)),
};

const cases: readonly (readonly [string, unknown, unknown])[] = [
  ["Ref", { Ref: "Name" }, "n"],
  ["GetAtt of a list", { "Fn::GetAtt": ["A", "B.C"] }, "A!B.C"],
  ["GetAtt of a text", { "Fn::GetAtt": "A.B" }, "A!B"],
  ["Sub with names, attributes and an escaped dollar", { "Fn::Sub": "${Name}/${A.B}/${!Kept}" }, "n/A!B/${Kept}"],
  ["Sub with its own variables", { "Fn::Sub": ["${X}${Name}", { X: { Ref: "Name" } }] }, "nn"],
  ["Join", { "Fn::Join": ["-", ["x", { Ref: "Name" }]] }, "x-n"],
  ["Join of a list reference", { "Fn::Join": [",", { Ref: "List" }] }, "a,b"],
  ["Select of Split", { "Fn::Select": ["1", { "Fn::Split": [",", "a,b"] }] }, "b"],
  ["FindInMap", { "Fn::FindInMap": ["M", "a", "b"] }, 7],
  ["FindInMap with a default", { "Fn::FindInMap": ["M", "x", "y", { DefaultValue: 9 }] }, 9],
  ["ImportValue of a Sub", { "Fn::ImportValue": { "Fn::Sub": "other-${Name}" } }, "imported"],
  ["Cidr", { "Fn::Cidr": ["10.0.0.0/22", 3, 8] }, ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"]],
  ["Cidr of IPv6", { "Fn::Cidr": ["2001:db8::/56", 2, 64] }, ["2001:db8:0:0::/64", "2001:db8:0:1::/64"]],
  ["Contains", { "Fn::Contains": [["1", "2"], 2] }, true],
  ["If", { "Fn::If": ["Yes", 1, 2] }, 1],
  ["If not", { "Fn::If": ["No", 1, 2] }, 2],
  ["Equals of a number and its text", { "Fn::Equals": [1, "1"] }, true],
  ["Or", { "Fn::Or": [{ Condition: "No" }, { Condition: "Yes" }] }, true],
  ["Not", { "Fn::Not": [{ Condition: "Yes" }] }, false],
  ["Base64", { "Fn::Base64": "hi" }, "aGk="],
  ["GetAZs", { "Fn::GetAZs": "" }, ["us-east-1a", "us-east-1b", "us-east-1c"]],
  ["ToJsonString", { "Fn::ToJsonString": { a: { Ref: "Name" } } }, '{"a":"n"}'],
  ["NoValue in a list and in a mapping", { a: [1, { Ref: "AWS::NoValue" }], b: { Ref: "AWS::NoValue" } }, { a: [1] }],
];

for (const [name, value, expected] of cases) {
  test(`${name} is evaluated`, () => assert.deepEqual(evaluate(value, scope), expected));
}

const unknown: readonly (readonly [string, unknown, RegExp])[] = [
  ["a missing reference", { Ref: "Nope" }, /no Nope/],
  ["inside Sub", { "Fn::Sub": "x${Nope}" }, /no Nope/],
  ["inside Join", { "Fn::Join": ["", ["a", { Ref: "Nope" }]] }, /no Nope/],
  ["Select past the end", { "Fn::Select": [5, ["a"]] }, /list of 1/],
];

for (const [name, value, why] of unknown) {
  test(`${name} is not known, and says why`, () => {
    const result = evaluate(value, scope);
    assert.ok(result instanceof Unresolved);
    assert.match(result.why, why);
  });
}
