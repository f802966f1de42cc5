import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateFunctionCommand,
  LambdaClient,
  PublishLayerVersionCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from "@aws-sdk/client-lambda";
import { limits } from "../../src/model/index.ts";
import { bootstrap, type Door, echo, openDoor, role, zipOf } from "./door.ts";

/** Changes of a function that Lambda refuses for what the function is at that moment. */
let door: Door;
let client: LambdaClient;
before(async () => {
  door = await openDoor(echo);
  client = new LambdaClient({
    endpoint: door.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
});
after(async () => {
  client.destroy();
  await door[Symbol.asyncDispose]();
});

const waiting = { maxWaitTime: 10, minDelay: 1, maxDelay: 1 };
const scope = { account: "000000000000", region: "us-east-1" };

const create = (FunctionName: string, ZipFile: Uint8Array, Layers: string[] = []) =>
  client.send(
    new CreateFunctionCommand({
      FunctionName,
      Role: role,
      Runtime: "provided.al2023",
      Handler: "any",
      Code: { ZipFile },
      Layers,
    }),
  );

test("a function is changed once at a time", async () => {
  const FunctionName = "busy";
  await create(FunctionName, bootstrap);
  await waitUntilFunctionActiveV2({ client, ...waiting }, { FunctionName });
  const { functions } = door.registry;
  // An update whose preparation takes as long as the test wants.
  const { latest } = functions.update(scope, FunctionName, {
    settings: functions.get(scope, FunctionName).latest.settings,
  });
  const refusal = {
    name: "ResourceConflictException",
    message:
      "The operation cannot be performed at this time. An update is in progress for resource: arn:aws:lambda:us-east-1:000000000000:function:busy",
  };
  const changes = [
    () => client.send(new UpdateFunctionConfigurationCommand({ FunctionName, Timeout: 9 })),
    () => client.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile: bootstrap })),
  ];
  for (const change of changes) await assert.rejects(change, refusal);
  assert.equal(functions.get(scope, FunctionName).latest.key, latest.key, "nothing was changed");

  functions.settle(scope, FunctionName, "$LATEST", latest.key, { ready: true });
  for (const change of changes) {
    await change();
    await waitUntilFunctionUpdatedV2({ client, ...waiting }, { FunctionName });
  }
  assert.equal(functions.get(scope, FunctionName).latest.settings.Timeout, 9);
});

test("code and layers may have 250 MB together, unzipped", async () => {
  const bytes = limits.unzippedCodeBytes / 2 + 1;
  const half = await zipOf({ zeros: "\0".repeat(bytes) });
  const layer = async (LayerName: string) =>
    (await client.send(new PublishLayerVersionCommand({ LayerName, Content: { ZipFile: half } }))).LayerVersionArn!;
  const [one, other] = [await layer("one"), await layer("other")];
  const refusal = (message: string) => ({ name: "InvalidParameterValueException", message });
  const tooMuch = refusal(
    `Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. The actual size is ${2 * bytes} bytes.`,
  );
  const layersTooMuch = refusal("Layers consume more than the available size of 262144000 bytes");

  await assert.rejects(create("large", half, [one]), tooMuch);
  await assert.rejects(create("large", bootstrap, [one, other]), layersTooMuch);
  assert.equal(door.registry.functions.find(scope, "large"), undefined);

  const FunctionName = "fits";
  await create(FunctionName, bootstrap, [one]);
  await waitUntilFunctionActiveV2({ client, ...waiting }, { FunctionName });
  await assert.rejects(client.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile: half })), tooMuch);
  const Layers = [one, other];
  await assert.rejects(client.send(new UpdateFunctionConfigurationCommand({ FunctionName, Layers })), layersTooMuch);
  assert.equal(door.registry.functions.get(scope, FunctionName).latest.layers.length, 1);
});
