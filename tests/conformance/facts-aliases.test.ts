import assert from "node:assert/strict";
import {
  CreateAliasCommand,
  DeleteAliasCommand,
  GetAliasCommand,
  GetFunctionCommand,
  type LambdaClient,
  ListAliasesCommand,
  PublishVersionCommand,
  UpdateAliasCommand,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import { arnOf, type Fact, refused, testFacts } from "./facts.ts";
import { aliasedFunction, functionOf, settled } from "./facts-functions.ts";

const recorded = "seen: localstack tests against AWS, test_lambda_api";
const invalid = "InvalidParameterValueException";
const stale =
  "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id";
const wrongRevision = "00000000-0000-4000-8000-000000000000";

const publish = (client: LambdaClient, FunctionName: string, more: object = {}) =>
  client.send(new PublishVersionCommand({ FunctionName, ...more }));
const reconfigure = async (client: LambdaClient, FunctionName: string, more: object) => {
  const updated = await client.send(new UpdateFunctionConfigurationCommand({ FunctionName, ...more }));
  await settled(client, FunctionName);
  return updated;
};

/** A function with versions 1 and 2. */
async function twice(client: LambdaClient): Promise<string> {
  const { name } = await functionOf(client);
  await publish(client, name);
  await reconfigure(client, name, { Description: "two" });
  await publish(client, name);
  return name;
}
const alias = (client: LambdaClient, FunctionName: string, more: object) =>
  client.send(new CreateAliasCommand({ FunctionName, Name: "live", FunctionVersion: "1", ...more }));
const weights = (AdditionalVersionWeights: Record<string, number>) => ({ RoutingConfig: { AdditionalVersionWeights } });

const aliases: readonly Fact[] = [
  {
    fact: "an alias always has a description, and weights only if it was given some",
    source: `${recorded}, alias lifecycle`,
    async holds({ client }) {
      const name = await twice(client);
      const plain = await alias(client, name, {});
      assert.equal(plain.$metadata.httpStatusCode, 201);
      assert.equal(plain.Description, "");
      assert.equal(plain.RoutingConfig, undefined);
      const empty = await alias(client, name, { Name: "empty", ...weights({}) });
      assert.equal(empty.RoutingConfig, undefined);
      const weighted = await alias(client, name, { Name: "weighted", ...weights({ "2": 0.2 }) });
      assert.deepEqual(weighted.RoutingConfig, { AdditionalVersionWeights: { "2": 0.2 } });
    },
  },
  {
    fact: "a function asked for by an alias shows the alias in its ARN and the version's number and revision",
    source: `${recorded}, alias lifecycle`,
    async holds({ client }) {
      const { name } = await aliasedFunction(client);
      const byAlias = await settled(client, `${name}:live`);
      const byNumber = await settled(client, `${name}:1`);
      assert.equal(byAlias.FunctionArn, `${arnOf(name)}:live`);
      assert.equal(byAlias.Version, "1");
      assert.equal(byAlias.RevisionId, byNumber.RevisionId);
    },
  },
  {
    fact: "every update of an alias is a new revision, even one that changes nothing",
    source: `${recorded}, alias lifecycle (update_alias_1_2)`,
    async holds({ client }) {
      const { name } = await aliasedFunction(client);
      const before = await client.send(new GetAliasCommand({ FunctionName: name, Name: "live" }));
      const after = await client.send(new UpdateAliasCommand({ FunctionName: name, Name: "live" }));
      assert.notEqual(after.RevisionId, before.RevisionId);
      assert.equal(after.FunctionVersion, "1");
    },
  },
  {
    fact: "an update of an alias checks its revision",
    source: "api: UpdateAlias, RevisionId",
    async holds({ client }) {
      const { name } = await aliasedFunction(client);
      await refused(
        client.send(new UpdateAliasCommand({ FunctionName: name, Name: "live", RevisionId: wrongRevision })),
        "PreconditionFailedException",
        stale,
      );
    },
  },
  {
    fact: "empty weights end the weighting, absent ones keep it",
    source: `${recorded}, alias lifecycle`,
    async holds({ client }) {
      const name = await twice(client);
      await alias(client, name, weights({ "2": 0.25 }));
      const update = (more: object) =>
        client.send(new UpdateAliasCommand({ FunctionName: name, Name: "live", ...more }));
      assert.deepEqual((await update({ Description: "d" })).RoutingConfig, weights({ "2": 0.25 }).RoutingConfig);
      const ended = await update(weights({}));
      assert.equal(ended.RoutingConfig, undefined);
      assert.equal(ended.Description, "d");
    },
  },
  {
    fact: "an alias exists once",
    source: `${recorded}, alias already exists`,
    async holds({ client }) {
      const { name } = await aliasedFunction(client);
      await refused(alias(client, name, {}), "ResourceConflictException", `Alias already exists: ${arnOf(name)}:live`);
    },
  },
  {
    fact: "an alias's name is no number",
    source: "model: Alias",
    async holds({ client }) {
      const { name } = await functionOf(client);
      await refused(
        alias(client, name, { Name: "123", FunctionVersion: "$LATEST" }),
        "ValidationException",
        "1 validation error detected: Value '123' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)",
      );
    },
  },
  ...(
    [
      [
        "more than one further version",
        { "1": 0.1, "2": 0.1 },
        invalid,
        "Number of items in AdditionalVersionWeights cannot be greater than 1",
      ],
      [
        "a weight above 1",
        { "2": 2 },
        "ValidationException",
        "1 validation error detected: Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]",
      ],
      [
        "a weight below 0",
        { "2": -1 },
        "ValidationException",
        "1 validation error detected: Value '{2=-1.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]",
      ],
      [
        "its own version again",
        { "1": 0.5 },
        invalid,
        "Invalid function version 1. Function version 1 is already included in routing configuration.",
      ],
      [
        "$LATEST as the further version",
        { $LATEST: 0.5 },
        "ValidationException",
        "1 validation error detected: Value '{$LATEST=0.5}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+, Member must not be null]",
      ],
    ] as const
  ).map(
    ([what, given, code, text]): Fact => ({
      fact: `weights: ${what} is refused`,
      source: `${recorded}, not found and invalid routing configs`,
      async holds({ client }) {
        const name = await twice(client);
        await refused(alias(client, name, weights(given)), code, text);
        await alias(client, name, {});
        const update = new UpdateAliasCommand({ FunctionName: name, Name: "live", ...weights(given) });
        await refused(client.send(update), code, text);
        assert.equal(
          (await client.send(new GetAliasCommand({ FunctionName: name, Name: "live" }))).RoutingConfig,
          undefined,
        );
      },
    }),
  ),
  {
    fact: "weights lead to versions that exist, and so does the alias",
    source: `${recorded}, not found and invalid routing configs`,
    async holds({ client }) {
      const name = await twice(client);
      const text = `Function not found: ${arnOf(name)}:10`;
      await refused(alias(client, name, weights({ "10": 0.5 })), "ResourceNotFoundException", text);
      await refused(alias(client, name, { FunctionVersion: "10" }), "ResourceNotFoundException", text);
    },
  },
  {
    fact: "an alias of $LATEST is possible, but not with weights",
    source: `${recorded}, not found and invalid routing configs`,
    async holds({ client }) {
      const name = await twice(client);
      await refused(
        alias(client, name, { FunctionVersion: "$LATEST", ...weights({ "1": 0.5 }) }),
        invalid,
        "$LATEST is not supported for an alias pointing to more than 1 version",
      );
      assert.equal((await alias(client, name, { FunctionVersion: "$LATEST" })).FunctionVersion, "$LATEST");
    },
  },
  {
    fact: "aliases are listed by name, those of one version on demand",
    source: `${recorded}, alias lifecycle`,
    async holds({ client }) {
      const name = await twice(client);
      await alias(client, name, { Name: "b" });
      await alias(client, name, { Name: "a" });
      await alias(client, name, { Name: "c", FunctionVersion: "2" });
      const list = async (more: object) =>
        (await client.send(new ListAliasesCommand({ FunctionName: name, ...more }))).Aliases?.map((one) => one.Name);
      assert.deepEqual(await list({}), ["a", "b", "c"]);
      assert.deepEqual(await list({ FunctionVersion: "1" }), ["a", "b"]);
      assert.deepEqual(await list({ MaxItems: 1 }), ["a"]);
    },
  },
  {
    fact: "an alias is deleted with 204, again and again",
    source: `${recorded}, alias lifecycle; api: DeleteAlias`,
    async holds({ client }) {
      const { name } = await aliasedFunction(client);
      for (let times = 0; times < 2; times += 1) {
        const gone = await client.send(new DeleteAliasCommand({ FunctionName: name, Name: "live" }));
        assert.equal(gone.$metadata.httpStatusCode, 204);
      }
      const text = `Function not found: ${arnOf(name)}:live`;
      await refused(
        client.send(new GetFunctionCommand({ FunctionName: name, Qualifier: "live" })),
        "ResourceNotFoundException",
        text,
      );
    },
  },
];

testFacts([...aliases]);
