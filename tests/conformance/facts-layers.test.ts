import assert from "node:assert/strict";
import {
  DeleteLayerVersionCommand,
  GetLayerVersionByArnCommand,
  GetLayerVersionCommand,
  type LambdaClient,
  ListLayersCommand,
  ListLayerVersionsCommand,
  PublishLayerVersionCommand,
} from "@aws-sdk/client-lambda";
import { zipOf } from "./door.ts";
import { type Fact, refused, testFacts } from "./facts.ts";
import { functionOf, newName, settled } from "./facts-functions.ts";

const recorded = "seen: localstack tests against AWS, test_lambda_api";
const invalid = "InvalidParameterValueException";
const notFound = "ResourceNotFoundException";
const gone = "The resource you requested does not exist.";

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

testFacts([...layers]);
