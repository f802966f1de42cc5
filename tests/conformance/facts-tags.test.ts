import assert from "node:assert/strict";
import {
  CreateCodeSigningConfigCommand,
  GetFunctionCommand,
  type LambdaClient,
  ListTagsCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-lambda";
import { arnOf, type Fact, refused, testFacts } from "./facts.ts";
import { functionOf } from "./facts-functions.ts";

const recorded = "seen: localstack tests against AWS, test_lambda_api";
const invalid = "InvalidParameterValueException";
const notFound = "ResourceNotFoundException";

const tag = (client: LambdaClient, Resource: string, Tags: Record<string, string>) =>
  client.send(new TagResourceCommand({ Resource, Tags }));
const untag = (client: LambdaClient, Resource: string, TagKeys: string[]) =>
  client.send(new UntagResourceCommand({ Resource, TagKeys }));
const tagsOf = async (client: LambdaClient, Resource: string) =>
  (await client.send(new ListTagsCommand({ Resource }))).Tags;

const tags: readonly Fact[] = [
  {
    fact: "tags are added, overwritten and taken away, each with 204",
    source: `${recorded}, tag lifecycle`,
    async holds({ client }) {
      const { arn } = await functionOf(client, { Tags: { a: "1" } });
      assert.deepEqual(await tagsOf(client, arn), { a: "1" });
      assert.equal((await tag(client, arn, { a: "2", b: "3" })).$metadata.httpStatusCode, 204);
      assert.deepEqual(await tagsOf(client, arn), { a: "2", b: "3" });
      assert.equal((await untag(client, arn, ["a", "none"])).$metadata.httpStatusCode, 204);
      assert.deepEqual(await tagsOf(client, arn), { b: "3" });
      await untag(client, arn, ["b"]);
      assert.deepEqual(await tagsOf(client, arn), {});
    },
  },
  {
    fact: "GetFunction shows the tags, and no member when there are none",
    source: `${recorded}, tag lifecycle`,
    async holds({ client }) {
      const { name, arn } = await functionOf(client, { Tags: { a: "1" } });
      const seen = () => client.send(new GetFunctionCommand({ FunctionName: name }));
      assert.deepEqual((await seen()).Tags, { a: "1" });
      await untag(client, arn, ["a"]);
      assert.equal((await seen()).Tags, undefined);
    },
  },
  {
    fact: "50 tags at most, together with those that are there",
    source: `${recorded}, tag limits`,
    async holds({ client }) {
      const { arn } = await functionOf(client);
      const many = (count: number) =>
        Object.fromEntries(Array.from({ length: count }, (_, index) => [`${index}_key`, `${index}_value`]));
      const text = "Number of tags exceeds resource tag limit.";
      await refused(tag(client, arn, many(51)), invalid, text);
      await tag(client, arn, many(50));
      await refused(tag(client, arn, { more: "1" }), invalid, text);
      await tag(client, arn, { "0_key": "other" });
      assert.equal(Object.keys((await tagsOf(client, arn))!).length, 50);
    },
  },
  {
    fact: "no tags are no request",
    source: `${recorded}, tag exceptions`,
    async holds({ client, raw }) {
      const { arn } = await functionOf(client);
      await refused(tag(client, arn, {}), invalid, "An error occurred and the request cannot be processed.");
      const { body } = await raw("DELETE", `/2017-03-31/tags/${encodeURIComponent(arn)}`);
      assert.equal(
        body.message,
        "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null",
      );
    },
  },
  {
    fact: "versions and aliases have no tags, nor have functions that do not exist",
    source: `${recorded}, tag exceptions`,
    async holds({ client }) {
      const text = "Tags on function aliases and versions are not supported. Please specify a function ARN.";
      await refused(tag(client, `${arnOf("nobody")}:v1`, { a: "1" }), invalid, text);
      const missing = `Function not found: ${arnOf("nobody")}`;
      await refused(tag(client, arnOf("nobody"), { a: "1" }), notFound, missing);
      await refused(untag(client, arnOf("nobody"), ["a"]), notFound, missing);
      await refused(tagsOf(client, arnOf("nobody")), notFound, missing);
    },
  },
  {
    fact: "layers and other things have no tags",
    source: "model: TaggableResource",
    async holds({ client }) {
      for (const arn of ["arn:aws:something", "arn:aws:lambda:us-east-1:000000000000:layer:l", "name"]) {
        await refused(tagsOf(client, arn), "ValidationException", /at 'resource' failed to satisfy constraint/);
      }
    },
  },
  {
    fact: "keys have 128 characters, values 256, and none begins with aws:",
    source: "model: TagKey, TagValue; guide: Using tags on Lambda functions",
    async holds({ client }) {
      const { arn } = await functionOf(client);
      await refused(tag(client, arn, { ["k".repeat(129)]: "v" }), "ValidationException", /Map keys must satisfy/);
      await refused(tag(client, arn, { k: "v".repeat(257) }), "ValidationException", /Map value must satisfy/);
      await refused(tag(client, arn, { "aws:k": "v" }), invalid);
      await tag(client, arn, { ["k".repeat(128)]: "v".repeat(256) });
    },
  },
  {
    fact: "code signing configurations have tags, from the beginning and later",
    source: "model: TaggableResource; api: CreateCodeSigningConfig, Tags",
    async holds({ client }) {
      const made = await client.send(
        new CreateCodeSigningConfigCommand({
          AllowedPublishers: {
            SigningProfileVersionArns: ["arn:aws:signer:us-east-1:000000000000:/signing-profiles/test/v1"],
          },
          Tags: { a: "1" },
        }),
      );
      const arn = made.CodeSigningConfig!.CodeSigningConfigArn!;
      await tag(client, arn, { b: "2" });
      await untag(client, arn, ["a"]);
      assert.deepEqual(await tagsOf(client, arn), { b: "2" });
      const missing = arn.replace(/.{4}$/, "zzzz");
      await refused(tagsOf(client, missing), notFound);
    },
  },
];

testFacts([...tags]);
