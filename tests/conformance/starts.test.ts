import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import {
  CreateFunctionCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  type LambdaClient,
  PutProvisionedConcurrencyConfigCommand,
  waitUntilPublishedVersionActive,
} from "@aws-sdk/client-lambda";
import { awsCliVersion, runClient } from "../e2e/clients.ts";
import { lambdaOf, role, zipOf } from "../e2e/lambda.ts";
import { type Server, startServer } from "../e2e/server.ts";

/** SnapStart and provisioned concurrency on a whole platform: real environments, real images, and the aws command. */
let server: Server;
let client: LambdaClient;
const dataDir = mkdtempSync(join(tmpdir(), "thaw-starts-"));

const code = `
  const { afterRestore } = awslambda.snapshot;
  afterRestore(async () => {
    if (process.env.HOOK === "throws") throw new RangeError("no connection");
    if (process.env.HOOK === "hangs") await new Promise(() => setInterval(() => {}, 1000));
    console.log("woken");
  });
  const initialised = Date.now();
  exports.handler = async () => ({
    type: process.env.AWS_LAMBDA_INITIALIZATION_TYPE,
    initialised,
    now: Date.now(),
  });`;

before(async () => {
  server = await startServer({ dataDir });
  client = lambdaOf(server);
});
after(async () => {
  client?.destroy();
  await server?.[Symbol.asyncDispose]();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Why no images can be made here; undefined: they can. */
async function noImages(): Promise<string | undefined> {
  const info = (await (await fetch(`${server.endpoint}/_thaw/info`)).json()) as {
    readonly snapshots: { readonly usable: boolean; readonly reason: string };
  };
  return info.snapshots.usable ? undefined : `no images here: ${info.snapshots.reason}`;
}

async function publish(FunctionName: string, more: object): Promise<void> {
  await client.send(
    new CreateFunctionCommand({
      FunctionName,
      Role: role,
      Runtime: "nodejs24.x",
      Handler: "index.handler",
      Code: { ZipFile: await zipOf({ "index.js": code }) },
      Publish: true,
      ...more,
    }),
  );
  await waitUntilPublishedVersionActive(
    { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
    { FunctionName, Qualifier: "1" },
  );
}

const snapStart = { SnapStart: { ApplyOn: "PublishedVersions" } };

async function invoke(FunctionName: string, Qualifier = "1") {
  const answer = await client.send(new InvokeCommand({ FunctionName, Qualifier, LogType: "Tail" }));
  return {
    body: JSON.parse(answer.Payload!.transformToString()),
    log: Buffer.from(answer.LogResult!, "base64").toString(),
  };
}

async function log(name: string): Promise<string> {
  return (await fetch(`${server.endpoint}/_thaw/logs?function=${name}`)).text();
}

async function skipped(t: TestContext): Promise<boolean> {
  const reason = await noImages();
  if (reason !== undefined) t.skip(reason);
  return reason !== undefined;
}

test("a version with SnapStart answers from its snapshot, which was made when it was published", async (t) => {
  if (await skipped(t)) return;
  await publish("snap", snapStart);
  const { SnapStart } = await client.send(
    new GetFunctionConfigurationCommand({ FunctionName: "snap", Qualifier: "1" }),
  );
  assert.deepEqual(SnapStart, { ApplyOn: "PublishedVersions", OptimizationStatus: "On" });
  const active = Date.now();
  const { body, log: report } = await invoke("snap");
  assert.equal(body.type, "snap-start");
  assert.ok(body.initialised <= active, "initialised before anybody asked");
  assert.ok(body.now >= active, "and its clock is right");
  assert.match(report, /\tRestore Duration: [\d.]+ ms\tBilled Restore Duration: \d+ ms/);
  assert.doesNotMatch(report, /Init Duration/);
  const lines = await log("snap");
  assert.match(lines, /INIT_REPORT Init Duration: [\d.]+ ms/);
  const restored = lines.slice(lines.indexOf("RESTORE_START"));
  assert.match(restored, /^RESTORE_START Runtime Version: nodejs:24.*woken.*RESTORE_REPORT Restore Duration/s);
});

test("a hook that fails after the restore, or takes too long, is the caller's to know", async (t) => {
  if (await skipped(t)) return;
  await Promise.all(
    ["throws", "hangs"].map((HOOK) => publish(HOOK, { ...snapStart, Environment: { Variables: { HOOK } } })),
  );
  const outcomes = await Promise.allSettled([invoke("throws"), invoke("hangs")]);
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.status === "rejected" ? outcome.reason.name : "answered")),
    ["SnapStartException", "SnapStartTimeoutException"],
  );
  assert.match(await log("hangs"), /RESTORE_REPORT Restore Duration: 10\d{3}\.\d\d ms\\tStatus: timeout/);
});

test("what is provisioned is initialised before anybody asks, also after the platform was killed", async () => {
  await publish("ahead", {});
  const wanted = { FunctionName: "ahead", Qualifier: "1", ProvisionedConcurrentExecutions: 2 };
  assert.equal((await client.send(new PutProvisionedConcurrencyConfigCommand(wanted))).Status, "IN_PROGRESS");
  await ready();
  const put = Date.now();
  const { body } = await invoke("ahead");
  assert.equal(body.type, "provisioned-concurrency");
  assert.ok(body.initialised <= put);

  await server.kill();
  client.destroy();
  server = await startServer({ dataDir });
  client = lambdaOf(server);
  await ready();
  assert.equal((await invoke("ahead")).body.type, "provisioned-concurrency");
});

/** Until both environments of `ahead` are there; the waiter is the test's own, for AWS has none. */
async function ready(): Promise<void> {
  for (const deadline = Date.now() + 30_000; ; ) {
    const path = "/2019-09-30/functions/ahead/provisioned-concurrency?Qualifier=1";
    const state = (await (await fetch(server.endpoint + path)).json()) as Record<string, unknown>;
    if (state.Status === "READY") {
      assert.equal(state.AvailableProvisionedConcurrentExecutions, 2);
      return;
    }
    assert.equal(state.Status, "IN_PROGRESS", JSON.stringify(state));
    assert.ok(Date.now() < deadline, JSON.stringify(state));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("the aws command provisions, scales and lists as it does on AWS", async (t) => {
  const version = await awsCliVersion().catch((error: Error) => error);
  if (version instanceof Error) return t.skip(`no aws command: ${version.message}`);
  await publish("scaled", {});
  const aws = async (...args: string[]) => {
    const env = { ...server.env, AWS_PAGER: "", AWS_MAX_ATTEMPTS: "1", AWS_DEFAULT_OUTPUT: "json" };
    const { code, stdout, stderr } = await runClient("aws", args, env);
    assert.equal(code, 0, `aws ${args.join(" ")}: ${stderr}`);
    return stdout.trim() === "" ? undefined : JSON.parse(stdout);
  };
  const scaling = (operation: string, ...more: string[]) =>
    aws("application-autoscaling", operation, "--service-namespace", "lambda", ...more);
  const resource = [
    "--resource-id",
    "function:scaled:1",
    "--scalable-dimension",
    "lambda:function:ProvisionedConcurrency",
  ];
  await scaling("register-scalable-target", ...resource, "--min-capacity", "1", "--max-capacity", "3");
  const list = ["lambda", "list-provisioned-concurrency-configs", "--function-name", "scaled"];
  const { ProvisionedConcurrencyConfigs } = await aws(...list);
  assert.equal(ProvisionedConcurrencyConfigs[0].RequestedProvisionedConcurrentExecutions, 1);
  await scaling("register-scalable-target", ...resource, "--min-capacity", "2");
  const { ScalingActivities } = await scaling("describe-scaling-activities", ...resource);
  assert.equal(ScalingActivities[0].Description, "Setting desired capacity to 2.");
  await scaling("deregister-scalable-target", ...resource);
  await aws("lambda", "delete-provisioned-concurrency-config", "--function-name", "scaled", "--qualifier", "1");
  assert.deepEqual((await aws(...list)).ProvisionedConcurrencyConfigs, []);
});
