import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateCapacityProviderCommand,
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  DeleteCapacityProviderCommand,
  DeleteFunctionCommand,
  GetCapacityProviderCommand,
  GetFunctionConfigurationCommand,
  GetFunctionScalingConfigCommand,
  InvokeCommand,
  LambdaClient,
  ListCapacityProvidersCommand,
  ListFunctionVersionsByCapacityProviderCommand,
  ListTagsCommand,
  ListVersionsByFunctionCommand,
  PublishVersionCommand,
  PutFunctionScalingConfigCommand,
  TagResourceCommand,
  UpdateCapacityProviderCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionUpdatedV2,
} from "@aws-sdk/client-lambda";
import { bootstrap, type Door, echo, openDoor, role } from "./door.ts";

/** Capacity providers and functions on them, through the official client. What runs is another test's (e2e). */
let door: Door;
let client: LambdaClient;
const asked: [name: string, version: string, count: number][] = [];

before(async () => {
  door = await openDoor(echo, undefined, {
    provision: ({ name, version }, count) => void asked.push([name, version, count]),
  });
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  client = new LambdaClient({ endpoint: door.endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
});
after(async () => {
  client.destroy();
  await door[Symbol.asyncDispose]();
});

const arnOf = (name: string) => `arn:aws:lambda:us-east-1:000000000000:capacity-provider:${name}`;
const required = {
  VpcConfig: { SubnetIds: ["subnet-1"], SecurityGroupIds: ["sg-1"] },
  PermissionsConfig: { CapacityProviderOperatorRoleArn: role },
};
const createProvider = (name: string, more: object = {}) =>
  client.send(new CreateCapacityProviderCommand({ CapacityProviderName: name, ...required, ...more }));
const on = (name: string, more: object = {}) => ({
  CapacityProviderConfig: {
    LambdaManagedInstancesCapacityProviderConfig: { CapacityProviderArn: arnOf(name), ...more },
  },
});
const create = async (name: string, more: Partial<CreateFunctionCommandInput>) =>
  client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Role: role,
      Runtime: "provided.al2023",
      Handler: "x",
      Code: { ZipFile: bootstrap },
      ...more,
    }),
  );
const active = (FunctionName: string) =>
  waitUntilFunctionUpdatedV2({ client, maxWaitTime: 10, minDelay: 1, maxDelay: 1 }, { FunctionName });
const invalid = { name: "InvalidParameterValueException" };

test("a capacity provider is made, shown, changed, listed, tagged and deleted", async () => {
  const made = (await createProvider("one", { Tags: { team: "a" } })).CapacityProvider;
  assert.equal(made?.State, "Pending");
  const shown = (await client.send(new GetCapacityProviderCommand({ CapacityProviderName: "one" }))).CapacityProvider;
  assert.equal(shown?.CapacityProviderArn, arnOf("one"));
  assert.equal(shown?.State, "Active");
  assert.deepEqual(shown?.VpcConfig, required.VpcConfig);
  await assert.rejects(createProvider("one"), { name: "ResourceConflictException" });
  await client.send(
    new UpdateCapacityProviderCommand({
      CapacityProviderName: arnOf("one"),
      CapacityProviderScalingConfig: { MaxVCpuCount: 12 },
    }),
  );
  await createProvider("two");
  const first = await client.send(new ListCapacityProvidersCommand({ MaxItems: 1 }));
  assert.equal(first.CapacityProviders?.[0]?.CapacityProviderScalingConfig?.MaxVCpuCount, 12);
  const next = await client.send(new ListCapacityProvidersCommand({ Marker: first.NextMarker }));
  assert.deepEqual(
    next.CapacityProviders?.map((one) => one.CapacityProviderArn),
    [arnOf("two")],
  );
  assert.deepEqual((await client.send(new ListCapacityProvidersCommand({ State: "Failed" }))).CapacityProviders, []);
  await client.send(new TagResourceCommand({ Resource: arnOf("one"), Tags: { stage: "b" } }));
  assert.deepEqual((await client.send(new ListTagsCommand({ Resource: arnOf("one") }))).Tags, {
    team: "a",
    stage: "b",
  });
  const gone = await client.send(new DeleteCapacityProviderCommand({ CapacityProviderName: "two" }));
  assert.equal(gone.CapacityProvider?.State, "Deleting");
  const lost = client.send(new GetCapacityProviderCommand({ CapacityProviderName: "two" }));
  await assert.rejects(lost, { name: "ResourceNotFoundException" });
});

test("$LATEST of a function on a provider is not to be invoked, what is published of it is", async () => {
  await createProvider("p");
  const made = await create("f", { ...on("p"), Timeout: 5400, PublishTo: "LATEST_PUBLISHED" });
  assert.deepEqual([made.Version, made.MemorySize, made.LoggingConfig?.LogFormat], ["$LATEST.PUBLISHED", 2048, "JSON"]);
  await active("f");
  const latest = await client.send(new GetFunctionConfigurationCommand({ FunctionName: "f", Qualifier: "$LATEST" }));
  assert.equal(latest.State, "ActiveNonInvocable");
  assert.equal((await client.send(new InvokeCommand({ FunctionName: "f" }))).ExecutedVersion, "$LATEST.PUBLISHED");
  const published = { FunctionName: "f", Qualifier: "$LATEST.PUBLISHED" };
  assert.equal((await client.send(new InvokeCommand(published))).ExecutedVersion, "$LATEST.PUBLISHED");
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName: "f", Description: "next" }));
  await active("f");
  assert.equal((await client.send(new GetFunctionConfigurationCommand(published))).Description, "");
  await client.send(new PublishVersionCommand({ FunctionName: "f", PublishTo: "LATEST_PUBLISHED" }));
  assert.equal((await client.send(new GetFunctionConfigurationCommand(published))).Description, "next");
  assert.equal((await client.send(new PublishVersionCommand({ FunctionName: "f" }))).Version, "1");
  assert.equal((await client.send(new PublishVersionCommand({ FunctionName: "f" }))).Version, "1");
  const { Versions } = await client.send(new ListVersionsByFunctionCommand({ FunctionName: "f" }));
  assert.deepEqual(
    Versions?.map(({ Version }) => Version),
    ["$LATEST", "$LATEST.PUBLISHED", "1"],
  );
  const listed = await client.send(new ListFunctionVersionsByCapacityProviderCommand({ CapacityProviderName: "p" }));
  assert.deepEqual(
    listed.FunctionVersions?.map(({ FunctionArn, State }) => [FunctionArn?.split(":").slice(7).join(":"), State]),
    [
      ["$LATEST", "ActiveNonInvocable"],
      ["$LATEST.PUBLISHED", "Active"],
      ["1", "Active"],
    ],
  );
  const used = client.send(new DeleteCapacityProviderCommand({ CapacityProviderName: "p" }));
  await assert.rejects(used, { name: "ResourceConflictException" });
  await client.send(new DeleteFunctionCommand({ FunctionName: "f", Qualifier: "$LATEST.PUBLISHED" }));
  await client.send(new DeleteFunctionCommand({ FunctionName: "f" }));
  await client.send(new DeleteCapacityProviderCommand({ CapacityProviderName: "p" }));
});

test("a version's environments are as many as its scaling says, none deactivates it", async () => {
  await createProvider("q");
  await create("scaled", { ...on("q"), Publish: true });
  await active("scaled");
  const one = { FunctionName: "scaled", Qualifier: "1" };
  const before_ = await client.send(new GetFunctionScalingConfigCommand(one));
  assert.equal(before_.AppliedFunctionScalingConfig?.MinExecutionEnvironments, 3);
  const put = (MinExecutionEnvironments: number, MaxExecutionEnvironments: number) =>
    client.send(
      new PutFunctionScalingConfigCommand({
        ...one,
        FunctionScalingConfig: { MinExecutionEnvironments, MaxExecutionEnvironments },
      }),
    );
  assert.equal((await put(1, 4)).FunctionState, "Active");
  assert.equal((await put(0, 0)).FunctionState, "Deactivating");
  assert.equal((await client.send(new GetFunctionConfigurationCommand(one))).State, "Deactivated");
  assert.equal((await put(2, 2)).FunctionState, "Active");
  assert.deepEqual(
    asked.filter(([name]) => name === "scaled").map(([, , count]) => count),
    [3, 1, 0, 2],
  );
  const asShown = await client.send(new GetFunctionScalingConfigCommand(one));
  assert.deepEqual(asShown.RequestedFunctionScalingConfig, {
    MinExecutionEnvironments: 2,
    MaxExecutionEnvironments: 2,
  });
  await assert.rejects(put(5, 4), invalid);
  const none = client.send(new GetFunctionScalingConfigCommand({ FunctionName: "scaled", Qualifier: "9" }));
  await assert.rejects(none, { name: "ResourceNotFoundException" });
});

test("what managed instances do not have is refused, and what only they have", async () => {
  await createProvider("r");
  const refused: readonly [Partial<CreateFunctionCommandInput>, string][] = [
    [on("absent"), "InvalidParameterValueException"],
    [{ ...on("r"), MemorySize: 1024 }, "InvalidParameterValueException"],
    [{ ...on("r", { ExecutionEnvironmentMemoryGiBPerVCpu: 4 }), MemorySize: 2048 }, "InvalidParameterValueException"],
    [{ ...on("r", { ExecutionEnvironmentMemoryGiBPerVCpu: 3 }), MemorySize: 8192 }, "InvalidParameterValueException"],
    [{ ...on("r", { PerExecutionEnvironmentMaxConcurrency: 1601 }) }, "ValidationException"],
    [{ ...on("r"), Runtime: "python3.12" }, "InvalidParameterValueException"],
    [{ ...on("r"), SnapStart: { ApplyOn: "PublishedVersions" } }, "InvalidParameterValueException"],
    [{ ...on("r"), TenancyConfig: { TenantIsolationMode: "PER_TENANT" } }, "InvalidParameterValueException"],
    [{ ...on("r"), LoggingConfig: { LogFormat: "Text" } }, "InvalidParameterValueException"],
    [{ MemorySize: 20_480 }, "ValidationException"],
    [{ Timeout: 901 }, "ValidationException"],
    [{ PublishTo: "LATEST_PUBLISHED" }, "InvalidParameterValueException"],
  ];
  for (const [more, name] of refused) await assert.rejects(create("refused", more), { name }, JSON.stringify(more));
  const lost = client.send(new GetFunctionConfigurationCommand({ FunctionName: "refused" }));
  await assert.rejects(lost, { name: "ResourceNotFoundException" });
  const shown = await create("large", { ...on("r"), MemorySize: 32_768, Timeout: 5400 });
  assert.equal(shown.MemorySize, 32_768);
  await create("own", {});
  await active("own");
  await assert.rejects(
    client.send(new UpdateFunctionConfigurationCommand({ FunctionName: "own", ...on("r") })),
    invalid,
  );
});
