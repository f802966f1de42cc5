import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateFunctionUrlConfigCommand,
  GetFunctionConfigurationCommand,
  InvokeWithResponseStreamCommand,
  type LambdaClient,
  PublishVersionCommand,
  PutProvisionedConcurrencyConfigCommand,
  type Runtime,
} from "@aws-sdk/client-lambda";
import { answerOf, createFunction, invoke, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** Functions that keep their tenants apart, as the official client meets them. */
let server: Server;
let client: LambdaClient;
let python: Runtime | undefined;
const perTenant = { TenancyConfig: { TenantIsolationMode: "PER_TENANT" as const } };

/** Answers with whom it served since it was initialised, and who it serves now. */
const node = `const seen = [];
exports.handler = async (event, context) => {
  seen.push(context.tenantId);
  if (event.wait) await new Promise((go) => setTimeout(go, event.wait));
  return { tenant: context.tenantId, seen, stream: process.env.AWS_LAMBDA_LOG_STREAM_NAME };
};`;

before(async () => {
  server = await startServer({});
  client = lambdaOf(server);
  const info = (await page("/_thaw/info")) as { runtimes: { name: string; state: string }[] };
  python = info.runtimes.find(({ name, state }) => name.startsWith("python") && state === "ready")?.name as Runtime;
  await createFunction(client, "apart", { code: { "index.js": node }, ...perTenant });
  await createFunction(client, "together", { code: { "index.js": node } });
});
after(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
});

async function page(path: string): Promise<unknown> {
  return (await fetch(server.endpoint + path)).json();
}

interface Answer {
  readonly tenant: string;
  readonly seen: readonly string[];
  readonly stream: string;
}
const call = (TenantId: string, event: object = {}): Promise<Answer> =>
  answerOf(client, "apart", event, { TenantId }) as Promise<Answer>;

test("an environment serves one tenant only, and the same one again", async () => {
  // More callers than environments can start at once, so that tenants wait while others' environments fall idle.
  const tenants = Array.from({ length: 24 }, (_, n) => `tenant-${n % 4}`);
  const answers = await Promise.all(tenants.map((tenant) => call(tenant, { wait: 5 })));
  for (const [at, { tenant, seen }] of answers.entries()) {
    assert.equal(tenant, tenants[at]);
    assert.deepEqual(new Set(seen), new Set([tenants[at]]));
  }
  // A start that nobody needed any more may have left one that has served nobody, and is used first.
  let again = await call("tenant-2");
  for (let n = 0; n < 30 && again.seen.length === 1; n++) again = await call("tenant-2");
  assert.ok(again.seen.length > 1, "an environment that is warm for its tenant is used");
  assert.deepEqual(new Set(again.seen), new Set(["tenant-2"]));
});

test("a new tenant's first call meets a process that no other was in, though copied from an image", async () => {
  for (let n = 0; n < 5; n++) assert.deepEqual((await call(`new-${n}`)).seen, [`new-${n}`]);
});

test("a tenant has to be named where tenants are kept apart, and nowhere else", async () => {
  const name = "InvalidParameterValueException";
  const asked =
    "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again.";
  await assert.rejects(invoke(client, "apart"), { name, message: asked });
  await assert.rejects(invoke(client, "apart", {}, { InvocationType: "Event", LogType: "None" }), { name });
  await assert.rejects(invoke(client, "apart", {}, { InvocationType: "DryRun", LogType: "None" }), { name });
  await assert.rejects(client.send(new InvokeWithResponseStreamCommand({ FunctionName: "apart" })), { name });
  await assert.rejects(invoke(client, "together", {}, { TenantId: "blue" }), { name });
  await assert.rejects(invoke(client, "apart", {}, { TenantId: "no#such" }), { name: "ValidationException" });
});

test("an asynchronous event is its tenant's too", async () => {
  const TenantId = "later";
  assert.equal((await invoke(client, "apart", {}, { InvocationType: "Event", LogType: "None", TenantId })).status, 202);
  interface Row {
    readonly function: string;
    readonly tenant?: string;
    readonly state: string;
    readonly invocations: number;
  }
  const isOver = (row: Row) => row.tenant === TenantId && row.invocations === 1 && row.state !== "busy";
  let rows: readonly Row[] = [];
  while (!rows.some(isOver)) ({ environments: rows } = (await page("/_thaw/environments")) as { environments: Row[] });
  assert.deepEqual((await call(TenantId)).seen, [TenantId, TenantId]);
});

test("the log says whose event it was", async () => {
  const options = { code: { "index.js": `exports.handler = async () => { console.log("here"); };` }, ...perTenant };
  await createFunction(client, "logging", { ...options, LoggingConfig: { LogFormat: "JSON" } });
  const { log } = await invoke(client, "logging", {}, { TenantId: "blue" });
  const lines = log
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal(lines.find(({ type }) => type === "platform.start").record.tenantId, "blue");
  assert.equal(lines.find(({ message }) => message === "here").tenantId, "blue");
});

test("a Python function learns its tenant too", async (t) => {
  if (!python) return t.skip("no Python runtime is ready on this machine");
  const source = "def handler(event, context):\n    return context.tenant_id\n";
  const options = { Runtime: python, Handler: "index.handler", code: { "index.py": source } };
  await createFunction(client, "snake", { ...options, ...perTenant });
  assert.equal(await answerOf(client, "snake", {}, { TenantId: "a b:c/d=e+f-g@h" }), "a b:c/d=e+f-g@h");
});

test("what would invoke it without a tenant is refused", async () => {
  const name = "InvalidParameterValueException";
  const shown = await client.send(new GetFunctionConfigurationCommand({ FunctionName: "apart" }));
  assert.deepEqual(shown.TenancyConfig, perTenant.TenancyConfig);
  const url = { FunctionName: "apart", AuthType: "NONE" as const };
  await assert.rejects(client.send(new CreateFunctionUrlConfigCommand(url)), { name });
  const { Version } = await client.send(new PublishVersionCommand({ FunctionName: "apart" }));
  const places = { FunctionName: "apart", Qualifier: Version, ProvisionedConcurrentExecutions: 1 };
  await assert.rejects(client.send(new PutProvisionedConcurrencyConfigCommand(places)), { name });
  const snapStart = { ApplyOn: "PublishedVersions" as const };
  const options = { code: { "index.js": node }, ...perTenant, SnapStart: snapStart };
  await assert.rejects(createFunction(client, "both", options), { name });
});
