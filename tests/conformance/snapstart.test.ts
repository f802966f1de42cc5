import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
  PublishVersionCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
  waitUntilPublishedVersionActive,
} from "@aws-sdk/client-lambda";
import type { SnapshotResult } from "../../src/edge/lambda-api/needs.ts";
import { bootstrap, type Door, echo, openDoor, type Powers, role } from "./door.ts";

interface Bench {
  readonly door: Door;
  readonly client: LambdaClient;
}

async function open(t: TestContext, powers: Powers, dataDir?: string): Promise<Bench> {
  const door = await openDoor(echo, dataDir, powers);
  const client = new LambdaClient({
    endpoint: door.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
  t.after(() => client.destroy());
  t.after(() => door[Symbol.asyncDispose]());
  return { door, client };
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "thaw-snapstart-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A snapshot that ends when the test says so; `asked` settles when it was asked for. */
function heldSnapshot() {
  const held = Promise.withResolvers<SnapshotResult>();
  const asked = Promise.withResolvers<string>();
  const snapshot: Powers["snapshot"] = (target) => {
    asked.resolve(target.arn);
    return held.promise;
  };
  return { snapshot, asked: asked.promise, finish: held.resolve };
}

const fine = { maxWaitTime: 10, minDelay: 1, maxDelay: 1 };
const on = { SnapStart: { ApplyOn: "PublishedVersions" as const } };

async function create(client: LambdaClient, more: object = on): Promise<void> {
  await client.send(
    new CreateFunctionCommand({
      FunctionName: "fn",
      Role: role,
      Runtime: "provided.al2023",
      Handler: "any",
      Code: { ZipFile: bootstrap },
      ...more,
    }),
  );
  await waitUntilFunctionActiveV2({ client, ...fine }, { FunctionName: "fn" });
}

const publish = (client: LambdaClient) => client.send(new PublishVersionCommand({ FunctionName: "fn" }));
const version1 = (client: LambdaClient) =>
  client.send(new GetFunctionConfigurationCommand({ FunctionName: "fn", Qualifier: "1" }));
const active = (client: LambdaClient) =>
  waitUntilPublishedVersionActive({ client, ...fine }, { FunctionName: "fn", Qualifier: "1" });
const invoke1 = (client: LambdaClient) =>
  client.send(new InvokeCommand({ FunctionName: "fn", Qualifier: "1", Payload: Buffer.from("7") }));

test("a version with SnapStart is Pending and not to be invoked until its snapshot is made", async (t) => {
  const { snapshot, asked, finish } = heldSnapshot();
  const { door, client } = await open(t, { snapshot });
  await create(client);
  const latest = await client.send(new GetFunctionConfigurationCommand({ FunctionName: "fn" }));
  assert.deepEqual(latest.SnapStart, { ApplyOn: "PublishedVersions", OptimizationStatus: "Off" });

  const published = await publish(client);
  assert.equal(published.State, "Pending");
  assert.equal(published.StateReasonCode, "Creating");
  assert.match(await asked, /:function:fn:1$/);
  assert.deepEqual((await version1(client)).SnapStart, { ApplyOn: "PublishedVersions", OptimizationStatus: "Off" });
  await assert.rejects(invoke1(client), {
    name: "SnapStartNotReadyException",
    message:
      "Lambda is initializing your function. It will be ready to invoke once your function state becomes ACTIVE.",
  });
  assert.equal((await client.send(new InvokeCommand({ FunctionName: "fn" }))).ExecutedVersion, "$LATEST");

  finish({ ok: true });
  await active(client);
  assert.deepEqual((await version1(client)).SnapStart, { ApplyOn: "PublishedVersions", OptimizationStatus: "On" });
  assert.equal((await invoke1(client)).ExecutedVersion, "1");
  assert.deepEqual(
    door.invocations.map(({ target }) => target.snapStart),
    [false, true],
  );
  assert.deepEqual(door.reported, []);
});

test("a version whose init fails is Failed, with the reason, and is neither invoked nor given an alias", async (t) => {
  const dataDir = folder(t);
  const snapshot: Powers["snapshot"] = async () => ({
    ok: false,
    errorType: "Runtime.ImportModuleError",
    message: "Cannot find module 'gone'",
  });
  const first = await open(t, { snapshot }, dataDir);
  await create(first.client);
  await publish(first.client);
  await assert.rejects(active(first.client));
  const failed = await version1(first.client);
  assert.equal(failed.State, "Failed");
  assert.equal(failed.StateReasonCode, "FunctionError");
  assert.equal(
    failed.StateReason,
    "An error occurred during function initialization. Runtime.ImportModuleError: Cannot find module 'gone'",
  );
  assert.equal(failed.LastUpdateStatus, "Failed");
  await assert.rejects(invoke1(first.client), { name: "ResourceConflictException" });
  await assert.rejects(
    first.client.send(new CreateAliasCommand({ FunctionName: "fn", Name: "live", FunctionVersion: "1" })),
    { name: "ResourceConflictException" },
  );
  await first.door[Symbol.asyncDispose]();

  const again = await open(t, { snapshot: () => assert.fail("tried again though the function was at fault") }, dataDir);
  await assert.rejects(invoke1(again.client), { name: "ResourceConflictException" });
  assert.equal((await version1(again.client)).State, "Failed");
});

test("an init that takes too long fails the version with a code of its own", async (t) => {
  const { client } = await open(t, { snapshot: async () => ({ ok: false, errorType: "timeout", message: "" }) });
  await create(client);
  await publish(client);
  await assert.rejects(active(client));
  assert.equal((await version1(client)).StateReasonCode, "FunctionError.InitTimeout");
});

test("where no image can be made the version is Active without one, and the operator is told", async (t) => {
  const notes: string[] = [];
  const powers: Powers[] = [
    { snapshot: async () => ({ ok: true, why: "it has a child process" }) },
    { snapshot: () => Promise.reject(new Error("the disk is full")) },
    {},
  ];
  for (const power of powers) {
    await t.test(String(power.snapshot), async (t) => {
      const { client } = await open(t, { ...power, note: (line) => notes.push(line) });
      await create(client);
      await publish(client);
      await active(client);
      assert.deepEqual((await version1(client)).SnapStart, {
        ApplyOn: "PublishedVersions",
        OptimizationStatus: "Off",
      });
      assert.equal((await invoke1(client)).StatusCode, 200);
    });
  }
  assert.equal(notes.length, 3);
  assert.match(notes[0]!, /:function:fn:1 has SnapStart and is started without a snapshot: it has a child process/);
});

test("a version that was Pending when the platform died is taken up again", async (t) => {
  const dataDir = folder(t);
  const held = heldSnapshot();
  const first = await open(t, { snapshot: held.snapshot }, dataDir);
  await create(first.client);
  await publish(first.client);
  await held.asked;
  await first.door[Symbol.asyncDispose]();

  const again = await open(t, { snapshot: async () => ({ ok: true }) }, dataDir);
  await active(again.client);
  assert.equal((await version1(again.client)).SnapStart?.OptimizationStatus, "On");
});

test("the snapshots of versions are made again when the platform starts", async (t) => {
  const dataDir = folder(t);
  const first = await open(t, { snapshot: async () => ({ ok: true }) }, dataDir);
  await create(first.client);
  await publish(first.client);
  await active(first.client);
  const { RevisionId } = await version1(first.client);
  await first.door[Symbol.asyncDispose]();

  const held = heldSnapshot();
  const again = await open(t, { snapshot: held.snapshot }, dataDir);
  assert.match(await held.asked, /:function:fn:1$/);
  assert.equal((await invoke1(again.client)).StatusCode, 200, "it is invoked meanwhile");
  held.finish({ ok: true });
  const seen = await version1(again.client);
  assert.equal(seen.RevisionId, RevisionId);
  assert.equal(seen.SnapStart?.OptimizationStatus, "On");
});

test("versions without SnapStart are published without a snapshot, and it can be switched on and off", async (t) => {
  const asked: string[] = [];
  const snapshot: Powers["snapshot"] = async ({ version }) => {
    asked.push(version);
    return { ok: true };
  };
  const { client } = await open(t, { snapshot });
  await create(client, {});
  const change = async (more: object) => {
    const changed = await client.send(new UpdateFunctionConfigurationCommand({ FunctionName: "fn", ...more }));
    await waitUntilFunctionUpdatedV2({ client, ...fine }, { FunctionName: "fn" });
    const { Version } = await publish(client);
    await waitUntilPublishedVersionActive({ client, ...fine }, { FunctionName: "fn", Qualifier: Version! });
    return changed.SnapStart;
  };
  assert.deepEqual(await change({ Description: "one" }), { ApplyOn: "None", OptimizationStatus: "Off" });
  assert.deepEqual(await change(on), { ApplyOn: "PublishedVersions", OptimizationStatus: "Off" });
  assert.equal((await change({ Description: "two" }))?.ApplyOn, "PublishedVersions", "stays when it is not mentioned");
  assert.equal((await change({ SnapStart: { ApplyOn: "None" } }))?.ApplyOn, "None");
  assert.deepEqual(asked, ["2", "3"]);
});

test("what cannot be had with SnapStart is refused", async (t) => {
  const { client } = await open(t, {});
  await assert.rejects(create(client, { ...on, EphemeralStorage: { Size: 513 } }), {
    name: "InvalidParameterValueException",
  });
  await create(client, { EphemeralStorage: { Size: 513 } });
  await assert.rejects(client.send(new UpdateFunctionConfigurationCommand({ FunctionName: "fn", ...on })), {
    name: "InvalidParameterValueException",
  });
  await assert.rejects(
    client.send(
      new UpdateFunctionConfigurationCommand({ FunctionName: "fn", SnapStart: { ApplyOn: "Always" as "None" } }),
    ),
    { name: "ValidationException", message: /at 'snapStart\.applyOn'.*\[PublishedVersions, None\]/ },
  );
});
