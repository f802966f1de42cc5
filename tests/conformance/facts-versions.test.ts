import assert from "node:assert/strict";
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  DeleteAliasCommand,
  DeleteFunctionCommand,
  GetFunctionCommand,
  type LambdaClient,
  ListFunctionsCommand,
  ListVersionsByFunctionCommand,
  PublishVersionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import { bootstrap, role, zipOf } from "./door.ts";
import { arnOf, type Fact, refused, testFacts } from "./facts.ts";
import { aliasedFunction, functionOf, newName, settled } from "./facts-functions.ts";

const recorded = "seen: localstack tests against AWS, test_lambda_api";
const invalid = "InvalidParameterValueException";
const stale =
  "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id";
const wrongRevision = "00000000-0000-4000-8000-000000000000";

const scope = { account: "000000000000", region: "us-east-1" };

const publish = (client: LambdaClient, FunctionName: string, more: object = {}) =>
  client.send(new PublishVersionCommand({ FunctionName, ...more }));
const reconfigure = async (client: LambdaClient, FunctionName: string, more: object) => {
  const updated = await client.send(new UpdateFunctionConfigurationCommand({ FunctionName, ...more }));
  await settled(client, FunctionName);
  return updated;
};
const otherCode = await zipOf({ bootstrap: "#!/bin/sh\nexit 3\n" });

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

const versions: readonly Fact[] = [
  {
    fact: "a version of an active function is active at once",
    source: `${recorded}, version lifecycle`,
    async holds({ client }) {
      const { name } = await functionOf(client);
      const made = await publish(client, name, { Description: "first" });
      assert.equal(made.$metadata.httpStatusCode, 201);
      assert.equal(made.State, "Active");
      assert.equal(made.LastUpdateStatus, "Successful");
      assert.equal(made.FunctionArn, `${arnOf(name)}:1`);
      const seen = await settled(client, `${name}:1`);
      assert.equal(seen.RevisionId, made.RevisionId);
      assert.equal(seen.Description, "first");
    },
  },
  {
    fact: "a version made together with new code is pending first, and has no LastUpdateStatus",
    source: `${recorded}, publish with update`,
    async holds({ client }) {
      const { name } = await functionOf(client);
      const made = await client.send(
        new UpdateFunctionCodeCommand({ FunctionName: name, ZipFile: otherCode, Publish: true }),
      );
      assert.equal(made.$metadata.httpStatusCode, 200);
      assert.equal(made.FunctionArn, `${arnOf(name)}:1`);
      assert.equal(made.Version, "1");
      assert.equal(made.State, "Pending");
      assert.equal(made.StateReason, "The function is being created.");
      assert.equal(made.StateReasonCode, "Creating");
      assert.equal(made.LastUpdateStatus, undefined);
    },
  },
  {
    fact: "publishing when a function is created answers with version 1 under the unqualified ARN",
    source: `${recorded}, publish version on create`,
    async holds({ client }) {
      const name = newName();
      const made = await client.send(
        new CreateFunctionCommand({
          FunctionName: name,
          Role: role,
          Runtime: "provided.al2023",
          Handler: "any",
          Code: { ZipFile: bootstrap },
          Publish: true,
        }),
      );
      assert.equal(made.Version, "1");
      assert.equal(made.FunctionArn, arnOf(name));
      assert.equal(made.State, "Pending");
      assert.equal((await settled(client, name)).Version, "$LATEST");
      assert.equal((await settled(client, `${name}:1`)).FunctionArn, `${arnOf(name)}:1`);
      assert.equal((await settled(client, `${name}:$LATEST`)).FunctionArn, `${arnOf(name)}:$LATEST`);
    },
  },
  {
    fact: "publishing without a change gives the last version again, with its revision",
    source: `${recorded}, version lifecycle (third publish)`,
    async holds({ client }) {
      const { name } = await functionOf(client);
      const first = await publish(client, name);
      const second = await publish(client, name, { Description: "not taken" });
      assert.equal(second.$metadata.httpStatusCode, 201);
      assert.equal(second.Version, "1");
      assert.equal(second.RevisionId, first.RevisionId);
      assert.equal(second.Description, "");
    },
  },
  {
    fact: "an update is published even if it changed nothing",
    source: "seen: moto's tests against AWS (getmoto/moto#8379)",
    async holds({ client }) {
      const { name } = await functionOf(client, { Description: "same" });
      await publish(client, name);
      await reconfigure(client, name, { Description: "same" });
      assert.equal((await publish(client, name)).Version, "2");
      assert.equal((await publish(client, name)).Version, "2");
      await client.send(new UpdateFunctionCodeCommand({ FunctionName: name, ZipFile: bootstrap }));
      await settled(client, name);
      assert.equal((await publish(client, name)).Version, "3");
    },
  },
  {
    fact: "tags are nothing to publish",
    source: "guess",
    async holds({ client }) {
      const { name, arn } = await functionOf(client);
      await publish(client, name);
      await client.send(new TagResourceCommand({ Resource: arn, Tags: { a: "1" } }));
      assert.equal((await publish(client, name)).Version, "1");
    },
  },
  {
    fact: "a version keeps what $LATEST was",
    source: "guide: Manage Lambda function versions",
    async holds({ client }) {
      const { name } = await functionOf(client, { Environment: { Variables: { AB: "1" } }, Description: "one" });
      await publish(client, name);
      await reconfigure(client, name, { Environment: { Variables: { AB: "2" } }, Description: "two", Timeout: 9 });
      const first = await settled(client, `${name}:1`);
      assert.deepEqual(first.Environment, { Variables: { AB: "1" } });
      assert.deepEqual([first.Description, first.Timeout], ["one", 3]);
    },
  },
  {
    fact: "versions are listed after $LATEST, in order of their numbers, all qualified",
    source: `${recorded}, version lifecycle`,
    async holds({ client }) {
      const name = await twice(client);
      const { Versions } = await client.send(new ListVersionsByFunctionCommand({ FunctionName: name }));
      assert.deepEqual(
        Versions?.map((one) => one.FunctionArn),
        ["$LATEST", "1", "2"].map((version) => `${arnOf(name)}:${version}`),
      );
      assert.ok(Versions?.every((one) => one.State === undefined && one.RuntimeVersionConfig === undefined));
    },
  },
  {
    fact: "versions come in pages that neither repeat nor drop one",
    source: "api: ListVersionsByFunction, Marker, MaxItems",
    async holds({ client }) {
      const { name } = await functionOf(client);
      for (let version = 1; version <= 11; version += 1) {
        await reconfigure(client, name, { Description: String(version) });
        await publish(client, name);
      }
      const seen: string[] = [];
      let Marker: string | undefined;
      do {
        const page = await client.send(
          new ListVersionsByFunctionCommand({ FunctionName: name, MaxItems: 5, ...(Marker ? { Marker } : {}) }),
        );
        assert.ok(page.Versions!.length <= 5);
        seen.push(...page.Versions!.map((one) => one.Version!));
        Marker = page.NextMarker;
      } while (Marker !== undefined);
      assert.deepEqual(seen, ["$LATEST", ...Array.from({ length: 11 }, (_, index) => String(index + 1))]);
    },
  },
  {
    fact: "FunctionVersion=ALL lists every version of every function, qualified; otherwise $LATEST, unqualified",
    source: `${recorded}, list functions`,
    async holds({ clientOf }) {
      const client = clientOf("666666666666");
      const arn = (name: string) => arnOf(name).replace("000000000000", "666666666666");
      const one = await functionOf(client);
      await publish(client, one.name);
      const two = await functionOf(client);
      const all = await client.send(new ListFunctionsCommand({ FunctionVersion: "ALL" }));
      assert.deepEqual(all.Functions?.map((listed) => listed.FunctionArn).sort(), [
        `${arn(one.name)}:$LATEST`,
        `${arn(one.name)}:1`,
        `${arn(two.name)}:$LATEST`,
      ]);
      const plain = await client.send(new ListFunctionsCommand());
      assert.deepEqual(
        plain.Functions?.map((listed) => listed.FunctionArn).sort(),
        [arn(one.name), arn(two.name)].sort(),
      );
    },
  },
  {
    fact: "FunctionVersion has one value",
    source: `${recorded}, list functions`,
    async holds({ raw }) {
      const { status, body } = await raw("GET", "/2015-03-31/functions?FunctionVersion=invalid");
      assert.equal(status, 400);
      assert.equal(
        body.message,
        "1 validation error detected: Value 'invalid' at 'functionVersion' failed to satisfy constraint: Member must satisfy enum value set: [ALL]",
      );
    },
  },
  {
    fact: "MasterRegion is of replicas, of which there are none, and wants FunctionVersion=ALL",
    source: "api: ListFunctions, MasterRegion; the text is a guess",
    async holds({ client }) {
      await functionOf(client);
      await refused(client.send(new ListFunctionsCommand({ MasterRegion: "us-east-1" })), invalid);
      const list = await client.send(new ListFunctionsCommand({ MasterRegion: "us-east-1", FunctionVersion: "ALL" }));
      assert.deepEqual(list.Functions, []);
    },
  },
  {
    fact: "a list gives 50 at most, whatever is asked for",
    source:
      "api: ListFunctions, MaxItems (returns a maximum of 50 items in each response, even if you set the number higher)",
    async holds({ clientOf }) {
      const client = clientOf("777777777777");
      for (let index = 0; index < 51; index += 1) {
        await client.send(
          new CreateFunctionCommand({
            FunctionName: `many-${index}`,
            Role: role,
            Runtime: "provided.al2023",
            Handler: "any",
            Code: { ZipFile: bootstrap },
          }),
        );
      }
      const page = await client.send(new ListFunctionsCommand({ MaxItems: 10_000 }));
      assert.equal(page.Functions?.length, 50);
      const rest = await client.send(new ListFunctionsCommand({ Marker: page.NextMarker }));
      assert.equal(rest.Functions?.length, 1);
    },
  },
  {
    fact: "MaxItems is 1 to 10,000",
    source: "model: MaxListItems",
    async holds({ raw }) {
      for (const [count, text] of [
        [0, "greater than or equal to 1"],
        [10_001, "less than or equal to 10000"],
      ]) {
        const { body } = await raw("GET", `/2015-03-31/functions?MaxItems=${count}`);
        assert.equal(
          body.message,
          `1 validation error detected: Value '${count}' at 'maxItems' failed to satisfy constraint: Member must have value ${text}`,
        );
      }
    },
  },
  {
    fact: "publishing checks the revision, and the code's hash",
    source: `${recorded}, publish with wrong revision id; publish with wrong sha256`,
    async holds({ client }) {
      const { name, revision } = await functionOf(client);
      const { CodeSha256 } = await settled(client, name);
      await refused(publish(client, name, { RevisionId: wrongRevision }), "PreconditionFailedException", stale);
      await refused(
        publish(client, name, { CodeSha256: "somenonexistentsha256" }),
        invalid,
        `CodeSHA256 (somenonexistentsha256) is different from current CodeSHA256 in $LATEST (${CodeSha256}). Please try again with the CodeSHA256 in $LATEST.`,
      );
      assert.equal((await publish(client, name, { CodeSha256, RevisionId: revision })).Version, "1");
    },
  },
  {
    fact: "updates of code and configuration check the revision, and nothing changes",
    source: "api: UpdateFunctionCode, UpdateFunctionConfiguration, RevisionId",
    async holds({ client }) {
      const { name, revision } = await functionOf(client);
      const wrong = { FunctionName: name, RevisionId: wrongRevision };
      const code = client.send(new UpdateFunctionCodeCommand({ ...wrong, ZipFile: otherCode }));
      await refused(code, "PreconditionFailedException", stale);
      const configuration = client.send(new UpdateFunctionConfigurationCommand({ ...wrong, Timeout: 5 }));
      await refused(configuration, "PreconditionFailedException", stale);
      assert.equal((await settled(client, name)).RevisionId, revision);
      await reconfigure(client, name, { RevisionId: revision, Timeout: 5 });
    },
  },
  {
    fact: "while an update is under way there is neither another nor a publication, and versions are as they were",
    source: "seen: The operation cannot be performed at this time. An update is in progress for resource: …",
    async holds({ client, door }) {
      const { name } = await functionOf(client);
      const { settings } = door.registry.functions.get(scope, name).latest;
      // Nobody prepares this one: it stays under way.
      door.registry.functions.update(scope, name, { settings: { ...settings, Timeout: 9 } });
      const text = `The operation cannot be performed at this time. An update is in progress for resource: ${arnOf(name)}`;
      const code = { FunctionName: name, ZipFile: otherCode };
      for (const attempt of [
        () => publish(client, name),
        () => client.send(new UpdateFunctionConfigurationCommand({ FunctionName: name, Timeout: 10 })),
        () => client.send(new UpdateFunctionCodeCommand(code)),
        () => client.send(new UpdateFunctionCodeCommand({ ...code, DryRun: true })),
      ]) {
        await refused(attempt(), "ResourceConflictException", text);
      }
      const seen = await client.send(new GetFunctionCommand({ FunctionName: name }));
      assert.equal(seen.Configuration?.LastUpdateStatus, "InProgress");
      assert.equal(seen.Configuration?.Timeout, 9);
      const list = await client.send(new ListVersionsByFunctionCommand({ FunctionName: name }));
      assert.equal(list.Versions?.length, 1);
    },
  },
  {
    fact: "every change gives a new revision, and so does its end",
    source: `${recorded}, function revisions basic`,
    async holds({ client }) {
      const { name, revision } = await functionOf(client);
      const seen = [revision];
      const updated = await client.send(new UpdateFunctionConfigurationCommand({ FunctionName: name, Timeout: 5 }));
      seen.push(updated.RevisionId!, (await settled(client, name)).RevisionId!);
      const recoded = await client.send(new UpdateFunctionCodeCommand({ FunctionName: name, ZipFile: otherCode }));
      seen.push(recoded.RevisionId!, (await settled(client, name)).RevisionId!);
      assert.equal(new Set(seen).size, 5);
    },
  },
  {
    fact: "tags give $LATEST a new revision",
    source: `${recorded}, tag lifecycle`,
    async holds({ client }) {
      const { name, arn, revision } = await functionOf(client);
      const seen = [revision];
      await client.send(new TagResourceCommand({ Resource: arn, Tags: { a: "1" } }));
      seen.push((await settled(client, name)).RevisionId!);
      await client.send(new UntagResourceCommand({ Resource: arn, TagKeys: ["a"] }));
      seen.push((await settled(client, name)).RevisionId!);
      assert.equal(new Set(seen).size, 3);
    },
  },
  {
    fact: "a version that an alias leads to cannot be deleted",
    source:
      "seen: Unable to delete version because the following aliases reference it: [live] (go-lambda-cleanup#45, zappa#960)",
    async holds({ client }) {
      const name = await twice(client);
      await alias(client, name, weights({ "2": 0.5 }));
      const remove = (Qualifier: string) => client.send(new DeleteFunctionCommand({ FunctionName: name, Qualifier }));
      const text = "Unable to delete version because the following aliases reference it: [live]";
      await refused(remove("1"), "ResourceConflictException", text);
      await refused(remove("2"), "ResourceConflictException", text);
      await client.send(new DeleteAliasCommand({ FunctionName: name, Name: "live" }));
      assert.equal((await remove("1")).$metadata.httpStatusCode, 204);
      await refused(settled(client, `${name}:1`), "ResourceNotFoundException");
    },
  },
  {
    fact: "$LATEST cannot be deleted alone, nor an alias as a version; a version that is not there can",
    source: "seen: $LATEST version cannot be deleted without deleting the function.",
    async holds({ client }) {
      const { name } = await aliasedFunction(client);
      const remove = (Qualifier: string) => client.send(new DeleteFunctionCommand({ FunctionName: name, Qualifier }));
      await refused(remove("$LATEST"), invalid, "$LATEST version cannot be deleted without deleting the function.");
      await refused(remove("live"), invalid);
      assert.equal((await remove("77")).$metadata.httpStatusCode, 204);
    },
  },
  {
    fact: "DryRun shows what new code would be, and keeps nothing",
    source: "api: UpdateFunctionCode, DryRun",
    async holds({ client }) {
      const { name, revision } = await functionOf(client);
      const before = await settled(client, name);
      const dry = await client.send(
        new UpdateFunctionCodeCommand({ FunctionName: name, ZipFile: otherCode, DryRun: true, Publish: true }),
      );
      assert.notEqual(dry.CodeSha256, before.CodeSha256);
      assert.equal(dry.Version, "$LATEST");
      const after = await settled(client, name);
      assert.equal(after.CodeSha256, before.CodeSha256);
      assert.equal(after.RevisionId, revision);
      const list = await client.send(new ListVersionsByFunctionCommand({ FunctionName: name }));
      assert.equal(list.Versions?.length, 1);
    },
  },
];

testFacts([...versions]);
