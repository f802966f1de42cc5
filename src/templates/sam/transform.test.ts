import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { createFindings, type Mapping, readTemplate, TransformError, transformed } from "../index.ts";

const fixtures = resolve(import.meta.dirname, "../../../tests/fixtures/sam");

function transform(
  text: string,
  parameters: Record<string, string> = {},
): { readonly Resources: Record<string, Mapping> } {
  const document = readTemplate(text, createFindings());
  assert.ok(document);
  return transformed(document.root, new Map(Object.entries(parameters))) as never;
}

/** Suffixes that name a content are each translator's own; managed policies are a set. */
function comparable(template: unknown): unknown {
  const text = JSON.stringify(template).replace(/(Version|Deployment|Lay|id: )[0-9a-f]{10,40}/g, "$1DIGEST");
  return JSON.parse(text, (key, value) => (key === "ManagedPolicyArns" ? [...value].sort() : value));
}

// What aws-sam-translator 1.115.0 makes of the same template; its ids end in other digests.
test("an application with every kind of event becomes what AWS's own translator makes of it", () => {
  const ours = transform(readFileSync(resolve(fixtures, "application.yaml"), "utf8"), { Alias: "live" });
  const theirs: unknown = JSON.parse(readFileSync(resolve(fixtures, "application.expected.json"), "utf8"));
  assert.deepEqual(comparable(ours), comparable(theirs));
});

const fn = (more: string) => `
Transform: AWS::Serverless-2016-10-31
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {Runtime: nodejs22.x, Handler: index.handler, ${more}}
`;

test("another code makes another version under the same alias", () => {
  const versionOf = (code: string) => {
    const { Resources } = transform(fn(`CodeUri: '${code}', AutoPublishAlias: live`));
    assert.ok(Resources.FAliaslive);
    return Object.keys(Resources).find((id) => id.startsWith("FVersion"));
  };
  assert.equal(versionOf("s3://b/one"), versionOf("s3://b/one"));
  assert.notEqual(versionOf("s3://b/one"), versionOf("s3://b/two"));
});

const wrong: readonly (readonly [string, string, RegExp])[] = [
  ["code that lies beside the template", "CodeUri: ./src", /\[F\] is invalid. 'CodeUri' is not a valid S3 Uri/],
  ["no code", "MemorySize: 128", /Either 'InlineCode' or 'CodeUri' must be set/],
  ["a property that there is not", "InlineCode: x, Nope: 1", /property Nope not defined for resource of type/],
  ["an unknown event", "InlineCode: x, Events: {A: {Type: Alexa}}", /Event with id \[A\] is invalid. Type Alexa/],
  ["an unknown policy template", "InlineCode: x, Policies: [{Nope: {}}]", /Policy template 'Nope' is not one of those/],
];
for (const [name, properties, message] of wrong) {
  test(`${name}: SAM's message, with the resource's name`, () => {
    assert.throws(
      () => transform(fn(properties)),
      (error) => error instanceof TransformError && message.test(error.message),
    );
  });
}

test("a type of SAM that is not supported is named", () => {
  const text = "Resources: {S: {Type: 'AWS::Serverless::StateMachine', Properties: {}}}";
  assert.throws(() => transform(text), /\[S\] is invalid. AWS::Serverless::StateMachine is not supported/);
});
