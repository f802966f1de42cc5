import assert from "node:assert/strict";
import {
  CreateCodeSigningConfigCommand,
  CreateFunctionCommand,
  DeleteFunctionConcurrencyCommand,
  DeleteLayerVersionCommand,
  GetFunctionCommand,
  GetFunctionConcurrencyCommand,
  GetLayerVersionByArnCommand,
  GetLayerVersionCommand,
  InvokeCommand,
  type LambdaClient,
  ListLayersCommand,
  ListLayerVersionsCommand,
  ListTagsCommand,
  PublishLayerVersionCommand,
  PutFunctionConcurrencyCommand,
  PutFunctionRecursionConfigCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-lambda";
import { bootstrap, echo, type Run, role, zipOf } from "./door.ts";
import { arnOf, type Fact, refused, testFacts } from "./facts.ts";
import { functionOf, newName, settled } from "./facts-functions.ts";

const recorded = "seen: localstack tests against AWS, test_lambda_api";
const invalid = "InvalidParameterValueException";
const notFound = "ResourceNotFoundException";
const gone = "The resource you requested does not exist.";

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

const zip = await zipOf({ "a.txt": "a" });
const publish = (client: LambdaClient, LayerName: string, more: object = {}) =>
  client.send(new PublishLayerVersionCommand({ LayerName, Content: { ZipFile: zip }, ...more }));

const layers: readonly Fact[] = [
  {
    fact: "versions of a layer are counted from 1 and never again, and listed from the newest",
    source: `${recorded}, layer lifecycle`,
    async holds({ client }) {
      const LayerName = newName();
      for (const version of [1, 2]) assert.equal((await publish(client, LayerName)).Version, version);
      const list = async () =>
        (await client.send(new ListLayerVersionsCommand({ LayerName }))).LayerVersions?.map((one) => one.Version);
      assert.deepEqual(await list(), [2, 1]);
      for (const VersionNumber of [1, 2]) {
        const deleted = await client.send(new DeleteLayerVersionCommand({ LayerName, VersionNumber }));
        assert.equal(deleted.$metadata.httpStatusCode, 204);
      }
      assert.deepEqual(await list(), []);
      assert.equal((await publish(client, LayerName)).Version, 3);
    },
  },
  {
    fact: "a version is shown alike by publish, get and get by ARN, with a description that may be empty",
    source: `${recorded}, layer lifecycle`,
    async holds({ client }) {
      const LayerName = newName();
      const given = { CompatibleRuntimes: ["python3.12"], CompatibleArchitectures: ["x86_64"], LicenseInfo: "MIT" };
      const made = await publish(client, LayerName, given);
      assert.equal(made.$metadata.httpStatusCode, 201);
      assert.equal(made.Description, "");
      const ways = [
        await client.send(new GetLayerVersionCommand({ LayerName, VersionNumber: 1 })),
        await client.send(new GetLayerVersionByArnCommand({ Arn: made.LayerVersionArn! })),
      ];
      for (const { $metadata: _, Content, ...seen } of ways) {
        const { $metadata: _made, Content: content, ...rest } = made;
        assert.deepEqual(seen, rest);
        assert.equal(Content?.CodeSha256, content?.CodeSha256);
      }
    },
  },
  {
    fact: "a version below 1 is no version, one that is not there does not exist",
    source: `${recorded}, layer exceptions`,
    async holds({ client }) {
      const LayerName = newName();
      await publish(client, LayerName);
      const get = (VersionNumber: number) => client.send(new GetLayerVersionCommand({ LayerName, VersionNumber }));
      for (const number of [0, -1]) {
        await refused(get(number), invalid, "Layer Version Cannot be less than 1");
        const remove = new DeleteLayerVersionCommand({ LayerName, VersionNumber: number });
        await refused(client.send(remove), invalid, "Layer Version Cannot be less than 1");
      }
      await refused(get(2), notFound, gone);
      await refused(
        client.send(new GetLayerVersionCommand({ LayerName: "nothing", VersionNumber: 1 })),
        notFound,
        gone,
      );
    },
  },
  {
    fact: "deleting a layer that is not there is a success, listing its versions gives none",
    source: `${recorded}, layer exceptions`,
    async holds({ client }) {
      const LayerName = "nothing";
      const deleted = await client.send(new DeleteLayerVersionCommand({ LayerName, VersionNumber: 1 }));
      assert.equal(deleted.$metadata.httpStatusCode, 204);
      const list = await client.send(new ListLayerVersionsCommand({ LayerName }));
      assert.deepEqual(list.LayerVersions, []);
    },
  },
  {
    fact: "a layer is listed with its newest version that fits",
    source: "api: ListLayers",
    async holds({ clientOf }) {
      const client = clientOf("121212121212");
      await publish(client, "l", { CompatibleRuntimes: ["python3.12"] });
      await publish(client, "l", { CompatibleRuntimes: ["nodejs22.x"] });
      const newest = async (more: object) =>
        (await client.send(new ListLayersCommand(more))).Layers?.map((one) => one.LatestMatchingVersion?.Version);
      assert.deepEqual(await newest({}), [2]);
      assert.deepEqual(await newest({ CompatibleRuntime: "python3.12" }), [1]);
      assert.deepEqual(await newest({ CompatibleRuntime: "ruby3.4" }), []);
    },
  },
  {
    fact: "layers and their versions are listed 50 at most",
    source: "model: MaxLayerListItems",
    async holds({ client }) {
      await refused(client.send(new ListLayersCommand({ MaxItems: 51 })), "ValidationException", /at 'maxItems'/);
      const versions = new ListLayerVersionsCommand({ LayerName: "l", MaxItems: 51 });
      await refused(client.send(versions), "ValidationException", /at 'maxItems'/);
    },
  },
  {
    fact: "an ARN of a layer without a version is not that of a version",
    source: `${recorded}, layer exceptions`,
    async holds({ client }) {
      const Arn = "arn:aws:lambda:us-east-1:000000000000:layer:l";
      await refused(client.send(new GetLayerVersionByArnCommand({ Arn })), "ValidationException", /at 'arn'/);
    },
  },
  {
    fact: "a function keeps a layer that was deleted",
    source: `${recorded}, layer lifecycle`,
    async holds({ client }) {
      const LayerName = newName();
      const { LayerVersionArn } = await publish(client, LayerName);
      const { name } = await functionOf(client, { Layers: [LayerVersionArn!] });
      await client.send(new DeleteLayerVersionCommand({ LayerName, VersionNumber: 1 }));
      assert.deepEqual(
        (await settled(client, name)).Layers?.map((one) => one.Arn),
        [LayerVersionArn],
      );
    },
  },
];

const reserve = (client: LambdaClient, FunctionName: string, ReservedConcurrentExecutions: number) =>
  client.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions }));

const concurrency: readonly Fact[] = [
  {
    fact: "concurrency is reserved, shown and given back",
    source: `${recorded}, function concurrency`,
    async holds({ client }) {
      const { name } = await functionOf(client);
      for (const count of [0, 1]) {
        assert.equal((await reserve(client, name, count)).ReservedConcurrentExecutions, count);
      }
      const get = () => client.send(new GetFunctionConcurrencyCommand({ FunctionName: name }));
      assert.equal((await get()).ReservedConcurrentExecutions, 1);
      const deleted = await client.send(new DeleteFunctionConcurrencyCommand({ FunctionName: name }));
      assert.equal(deleted.$metadata.httpStatusCode, 204);
      assert.equal((await get()).ReservedConcurrentExecutions, undefined);
    },
  },
  {
    fact: "a hundred executions stay for the functions that have none reserved",
    source: `${recorded}, function concurrency limits`,
    async holds({ clientOf }) {
      const client = clientOf("131313131313");
      const one = await functionOf(client);
      const two = await functionOf(client);
      const text =
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].";
      await refused(reserve(client, one.name, 901), invalid, text);
      await reserve(client, one.name, 900);
      await refused(reserve(client, two.name, 1), invalid, text);
      await reserve(client, one.name, 899);
      await reserve(client, two.name, 1);
    },
  },
  {
    fact: "a reservation is no number below 0",
    source: "model: ReservedConcurrentExecutions",
    async holds({ client }) {
      const { name } = await functionOf(client);
      await refused(
        reserve(client, name, -1),
        "ValidationException",
        "1 validation error detected: Value '-1' at 'reservedConcurrentExecutions' failed to satisfy constraint: Member must have value greater than or equal to 0",
      );
    },
  },
];

/** The trace that each function was handed, by its event's name. */
const handed = new Map<string, string>();
const run: Run = (invocation) => {
  handed.set(JSON.parse(invocation.payload.toString()).name, invocation.traceId ?? "");
  return echo(invocation);
};
const call = async (client: LambdaClient, FunctionName: string, trace?: string) => {
  const name = newName();
  const command = new InvokeCommand({ FunctionName, Payload: JSON.stringify({ name }) });
  if (trace !== undefined) {
    command.middlewareStack.add(
      (next) => (args) => {
        (args.request as { headers: Record<string, string> }).headers["x-amzn-trace-id"] = trace;
        return next(args);
      },
      { step: "build" },
    );
  }
  await client.send(command);
  return handed.get(name) ?? "";
};

const recursion: readonly Fact[] = [
  {
    fact: "a function is handed a trace that says how its chain of requests began",
    source: "seen: Root=1-679509d4-…;Parent=53a4b57d53b59978;Sampled=0;Lineage=1:36680206:0",
    async holds({ client }) {
      const { name } = await functionOf(client);
      assert.match(
        await call(client, name),
        /^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=1:[0-9a-f]{8}:0$/,
      );
    },
  },
  {
    fact: "16 invocations of a function in one chain are fine, and the next is refused with 400",
    source: "guide: Use Lambda recursive loop detection to prevent infinite loops; model: RecursiveInvocationException",
    async holds({ client }) {
      const { name } = await functionOf(client);
      let trace = await call(client, name);
      for (let times = 2; times <= 16; times += 1) trace = await call(client, name, trace);
      await refused(
        call(client, name, trace),
        "RecursiveInvocationException",
        "Lambda has detected your function being invoked in a recursive loop with other Amazon Web Services resources and stopped your function's invocation.",
      );
      // Who began anew is in no loop.
      await call(client, name);
    },
  },
  {
    fact: "a function that allows it may be invoked in a loop",
    source: "api: PutFunctionRecursionConfig",
    async holds({ client }) {
      const { name } = await functionOf(client);
      await client.send(new PutFunctionRecursionConfigCommand({ FunctionName: name, RecursiveLoop: "Allow" }));
      let trace: string | undefined;
      for (let times = 1; times <= 20; times += 1) trace = await call(client, name, trace);
      assert.match(trace!, /:19$/);
    },
  },
  {
    fact: "the function's versions and aliases are one function in a loop",
    source: "guess",
    async holds({ client }) {
      const { name } = await functionOf(client);
      const published = await client.send(
        new CreateFunctionCommand({
          FunctionName: newName(),
          Role: role,
          Runtime: "provided.al2023",
          Handler: "any",
          Code: { ZipFile: bootstrap },
          Publish: true,
        }),
      );
      const trace = await call(client, published.FunctionName!);
      assert.match(await call(client, `${published.FunctionName}:1`, trace), /Lineage=2:[0-9a-f]{8}:1$/);
      assert.match(await call(client, name, trace), /Lineage=2:[0-9a-f]{8}:0$/);
    },
  },
];

testFacts([...tags, ...layers, ...concurrency, ...recursion], run);
