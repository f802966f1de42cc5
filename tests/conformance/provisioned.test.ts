import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  DeleteAliasCommand,
  DeleteFunctionCommand,
  DeleteProvisionedConcurrencyConfigCommand,
  GetAccountSettingsCommand,
  GetProvisionedConcurrencyConfigCommand,
  LambdaClient,
  ListProvisionedConcurrencyConfigsCommand,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  PutProvisionedConcurrencyConfigCommand,
  UpdateAliasCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from "@aws-sdk/client-lambda";
import type { Provisioned } from "../../src/edge/lambda-api/needs.ts";
import { bootstrap, type Door, echo, openDoor, role } from "./door.ts";

const fine = { maxWaitTime: 10, minDelay: 1, maxDelay: 1 };
const FunctionName = "fn";
const arn = "arn:aws:lambda:us-east-1:000000000000:function:fn";

const dataDir = mkdtempSync(join(tmpdir(), "thaw-provisioned-"));
let door: Door;
let client: LambdaClient;
/** environments asked for, by version */
const asked = new Map<string, number>();
/** how far they have come, by version; missing: all of them are ready */
const states = new Map<string, Provisioned>();

async function open(): Promise<void> {
  door = await openDoor(echo, dataDir, {
    provision: ({ version }, count) => {
      if (count > 0) asked.set(version, count);
      else asked.delete(version);
    },
    provisioned: ({ version }) => {
      const ready = asked.get(version) ?? 0;
      return states.get(version) ?? { allocated: ready, available: ready };
    },
  });
  client = new LambdaClient({
    endpoint: door.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
}

async function close(): Promise<void> {
  client.destroy();
  await door[Symbol.asyncDispose]();
  assert.deepEqual(door.reported, []);
}

before(open);
after(async () => {
  await close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** A function with versions 1 and 2 and the alias `live` of version 1. */
beforeEach(async () => {
  states.clear();
  await client.send(new DeleteFunctionCommand({ FunctionName })).catch(() => {});
  assert.deepEqual([...asked], [], "a function takes its provisioned concurrency with it");
  await client.send(
    new CreateFunctionCommand({
      FunctionName,
      Role: role,
      Runtime: "provided.al2023",
      Handler: "any",
      Code: { ZipFile: bootstrap },
    }),
  );
  await waitUntilFunctionActiveV2({ client, ...fine }, { FunctionName });
  await client.send(new PublishVersionCommand({ FunctionName }));
  await change({ Description: "second" });
  await client.send(new PublishVersionCommand({ FunctionName }));
  await client.send(new CreateAliasCommand({ FunctionName, Name: "live", FunctionVersion: "1" }));
});

async function change(settings: object): Promise<void> {
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName, ...settings }));
  await waitUntilFunctionUpdatedV2({ client, ...fine }, { FunctionName });
}

const put = (Qualifier: string, ProvisionedConcurrentExecutions: number, name = FunctionName) =>
  client.send(
    new PutProvisionedConcurrencyConfigCommand({ FunctionName: name, Qualifier, ProvisionedConcurrentExecutions }),
  );
const get = (Qualifier: string, name = FunctionName) =>
  client.send(new GetProvisionedConcurrencyConfigCommand({ FunctionName: name, Qualifier }));
const remove = (Qualifier: string, name = FunctionName) =>
  client.send(new DeleteProvisionedConcurrencyConfigCommand({ FunctionName: name, Qualifier }));
const moveTo = (FunctionVersion: string, weights = {}) =>
  client.send(
    new UpdateAliasCommand({
      FunctionName,
      Name: "live",
      FunctionVersion,
      RoutingConfig: { AdditionalVersionWeights: weights },
    }),
  );
const failure = (name: string, message: string) => ({ name, message });

test("it is IN_PROGRESS when it is put, READY when the environments are, and gone when it is deleted", async () => {
  states.set("1", { allocated: 1, available: 1 });
  const { $metadata, LastModified, ...made } = await put("1", 2);
  assert.equal($metadata.httpStatusCode, 202);
  assert.match(LastModified!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000$/);
  assert.deepEqual(made, {
    RequestedProvisionedConcurrentExecutions: 2,
    AllocatedProvisionedConcurrentExecutions: 1,
    AvailableProvisionedConcurrentExecutions: 1,
    Status: "IN_PROGRESS",
  });
  assert.deepEqual([...asked], [["1", 2]]);
  assert.equal((await get("1")).Status, "IN_PROGRESS");
  states.clear();
  const ready = await get("1");
  assert.equal(ready.Status, "READY");
  assert.equal(ready.AvailableProvisionedConcurrentExecutions, 2);
  assert.equal(ready.LastModified, LastModified);

  assert.equal((await remove("1")).$metadata.httpStatusCode, 204);
  assert.equal((await remove("1")).$metadata.httpStatusCode, 204, "again");
  assert.deepEqual([...asked], []);
  await assert.rejects(
    get("1"),
    failure(
      "ProvisionedConcurrencyConfigNotFoundException",
      "No Provisioned Concurrency Config found for this function",
    ),
  );
});

test("a version that cannot be initialised is FAILED and says why", async () => {
  await put("1", 2);
  states.set("1", { allocated: 0, available: 0, failure: "FUNCTION_ERROR_INIT_FAILURE" });
  const { Status, StatusReason, AllocatedProvisionedConcurrentExecutions } = await get("1");
  assert.deepEqual(
    [Status, StatusReason, AllocatedProvisionedConcurrentExecutions],
    ["FAILED", "FUNCTION_ERROR_INIT_FAILURE", 0],
  );
});

test("an alias takes its environments along to another version, and divides them when it is weighted", async () => {
  await put("live", 4);
  assert.deepEqual([...asked], [["1", 4]]);
  await moveTo("2");
  assert.deepEqual([...asked], [["2", 4]]);
  await moveTo("2", { 1: 0.25 });
  assert.deepEqual([...asked].sort(), [
    ["1", 1],
    ["2", 3],
  ]);
  const { Status, AvailableProvisionedConcurrentExecutions } = await get("live");
  assert.deepEqual([Status, AvailableProvisionedConcurrentExecutions], ["READY", 4]);
  await client.send(new DeleteAliasCommand({ FunctionName, Name: "live" }));
  assert.deepEqual([...asked], []);
  await assert.rejects(get("live"), failure("ResourceNotFoundException", `Cannot find alias arn: ${arn}:live`));
});

test("a version has one configuration: its own, or that of one alias", async () => {
  const onAlias = "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version";
  await client.send(new CreateAliasCommand({ FunctionName, Name: "other", FunctionVersion: "1" }));
  await put("live", 1);
  await assert.rejects(
    put("1", 1),
    failure("ResourceConflictException", "Version is pointed by a Provisioned Concurrency alias"),
  );
  await assert.rejects(put("other", 1), failure("ResourceConflictException", onAlias));
  await put("2", 1);
  await assert.rejects(moveTo("2"), failure("ResourceConflictException", onAlias));
  await assert.rejects(moveTo("1", { 2: 0.5 }), failure("ResourceConflictException", onAlias));
  await put("live", 3);
  assert.deepEqual([...asked].sort(), [
    ["1", 3],
    ["2", 1],
  ]);
});

test("what is kept ready survives a restart of the platform", async () => {
  await put("live", 2);
  await put("2", 3);
  const { LastModified } = await get("live");
  await close();
  asked.clear();
  await open();
  assert.deepEqual([...asked].sort(), [
    ["1", 2],
    ["2", 3],
  ]);
  assert.equal((await get("live")).LastModified, LastModified);
});

test("all of a function's configurations are listed, page by page, under the qualifier they were made for", async () => {
  const list = (more = {}) => client.send(new ListProvisionedConcurrencyConfigsCommand({ FunctionName, ...more }));
  assert.deepEqual((await list()).ProvisionedConcurrencyConfigs, []);
  await put("live", 1);
  await put("2", 2);
  const first = await list({ MaxItems: 1 });
  const second = await list({ MaxItems: 1, Marker: first.NextMarker });
  assert.equal(second.NextMarker, undefined);
  assert.deepEqual(
    [...first.ProvisionedConcurrencyConfigs!, ...second.ProvisionedConcurrencyConfigs!].map((config) => [
      config.FunctionArn,
      config.RequestedProvisionedConcurrentExecutions,
      config.Status,
    ]),
    [
      [`${arn}:2`, 2, "READY"],
      [`${arn}:live`, 1, "READY"],
    ],
  );
});

test("only versions and aliases that exist can have it", async () => {
  const unpublished = "Provisioned Concurrency Configs cannot be applied to unpublished function versions.";
  const notPublished = "The function resource provided must be an alias or a published version.";
  await assert.rejects(put("$LATEST", 1), failure("InvalidParameterValueException", unpublished));
  await assert.rejects(get("$LATEST"), failure("InvalidParameterValueException", notPublished));
  await assert.rejects(remove("$LATEST"), failure("InvalidParameterValueException", notPublished));
  await moveTo("$LATEST");
  await assert.rejects(put("live", 1), failure("InvalidParameterValueException", unpublished));
  for (const call of [(qualifier: string, name?: string) => put(qualifier, 1, name), get, remove]) {
    await assert.rejects(call("10"), failure("ResourceNotFoundException", `Function not found: ${arn}:10`));
    await assert.rejects(call("no"), failure("ResourceNotFoundException", `Cannot find alias arn: ${arn}:no`));
    await assert.rejects(
      call("1", "gone"),
      failure("ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:000000000000:function:gone:1"),
    );
  }
  await assert.rejects(
    client.send(new ListProvisionedConcurrencyConfigsCommand({ FunctionName: "gone" })),
    failure("ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:000000000000:function:gone"),
  );
  await assert.rejects(put("1", 0), {
    name: "ValidationException",
    message: /at 'provisionedConcurrentExecutions' failed to satisfy constraint: Member must have value greater/,
  });
});

test("it counts against the account's concurrency, or against the function's reservation", async () => {
  const invalid = (message: string) => failure("InvalidParameterValueException", message);
  const left = async () =>
    (await client.send(new GetAccountSettingsCommand())).AccountLimit?.UnreservedConcurrentExecutions;
  await assert.rejects(
    put("1", 1001),
    invalid("Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000]."),
  );
  await assert.rejects(
    put("1", 901),
    invalid(
      "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].",
    ),
  );
  await put("1", 900);
  assert.equal(await left(), 100);
  await put("1", 899);
  assert.equal(await left(), 101, "its own is not counted twice");

  const reserve = (ReservedConcurrentExecutions: number) =>
    client.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions }));
  await assert.rejects(
    reserve(898),
    invalid(
      " ReservedConcurrentExecutions  898 should not be lower than function's total provisioned concurrency [899].",
    ),
  );
  await put("1", 5);
  await reserve(10);
  assert.equal(await left(), 990);
  await put("2", 5);
  assert.equal(await left(), 990);
  await assert.rejects(
    put("2", 6),
    invalid(
      "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
    ),
  );
});

test("a version with SnapStart cannot have it", async () => {
  await change({ SnapStart: { ApplyOn: "PublishedVersions" } });
  await client.send(new PublishVersionCommand({ FunctionName }));
  await assert.rejects(put("3", 1), { name: "InvalidParameterValueException", message: /SnapStart/ });
  await put("live", 1);
  await assert.rejects(moveTo("3"), { name: "InvalidParameterValueException", message: /SnapStart/ });
  assert.deepEqual([...asked], [["1", 1]]);
});
