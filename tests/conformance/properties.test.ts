import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { serviceModel } from "../../src/edge/lambda-api/model.ts";
import { bootstrap, type Door, openDoor, role } from "./door.ts";
import { assemble, hostile, type RawRequest } from "./hostile.ts";

const model = serviceModel();
const folder = mkdtempSync(join(tmpdir(), "thaw-hostile-"));
const agent = new Agent({ keepAlive: true });
let door: Door;
let disk: DatabaseSync;

const fn = "arn:aws:lambda:us-east-1:000000000000:function:f";
const queue = "arn:aws:sqs:us-east-1:000000000000:q";
const execution = `${fn}:1/durable-execution/e/00000000-0000-0000-0000-000000000000`;
const invokePolicy = { Effect: "Allow", Principal: "*", Action: "lambda:InvokeFunction", Resource: fn };

/** What members of every operation are given in a request that has nothing wrong. */
const usual: Readonly<Record<string, unknown>> = {
  FunctionName: "f",
  Name: "live",
  FunctionVersion: "1",
  LayerName: "l",
  VersionNumber: 1,
  StatementId: "s",
  Resource: fn,
  ResourceArn: fn,
  TagKeys: ["a"],
  Tags: { a: "b" },
  Arn: "arn:aws:lambda:us-east-1:000000000000:layer:l:1",
  DurableExecutionArn: execution,
  CallbackId: "c",
  CheckpointToken: "t",
  CapacityProviderName: "p",
};

/** What some need beside that, or instead. */
const special: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  CreateFunction: {
    FunctionName: "made",
    Role: role,
    Runtime: "provided.al2023",
    Handler: "h",
    Code: { ZipFile: bootstrap.toString("base64") },
  },
  CreateAlias: { Name: "made" },
  UpdateFunctionCode: { ZipFile: bootstrap.toString("base64"), DryRun: true },
  PublishLayerVersion: { Content: { ZipFile: bootstrap.toString("base64") } },
  AddPermission: { Action: "lambda:InvokeFunction", Principal: "*" },
  AddLayerVersionPermission: { Action: "lambda:GetLayerVersion", Principal: "*" },
  PutResourcePolicy: { Policy: JSON.stringify({ Version: "2012-10-17", Statement: [invokePolicy] }) },
  CreateEventSourceMapping: { EventSourceArn: queue },
  CreateFunctionUrlConfig: { AuthType: "NONE", Qualifier: "live" },
  PutFunctionConcurrency: { ReservedConcurrentExecutions: 1 },
  PutProvisionedConcurrencyConfig: { Qualifier: "1", ProvisionedConcurrentExecutions: 1 },
  GetProvisionedConcurrencyConfig: { Qualifier: "1" },
  DeleteProvisionedConcurrencyConfig: { Qualifier: "1" },
  DeleteFunction: { FunctionName: "gone" },
  PutFunctionEventInvokeConfig: { MaximumRetryAttempts: 1 },
  PutRuntimeManagementConfig: { UpdateRuntimeOn: "Auto" },
  PutFunctionRecursionConfig: { RecursiveLoop: "Allow" },
  CreateCodeSigningConfig: {
    AllowedPublishers: { SigningProfileVersionArns: ["arn:aws:signer:us-east-1:000000000000:/signing-profiles/p/1"] },
  },
};

/** Codes of AWS's front end, and of Lambda's model though not of each operation's list. */
const common = new Set([
  "AccessDeniedException",
  "InvalidParameterValueException",
  "InvalidRequestContentException",
  "NotImplementedException",
  "RequestEntityTooLargeException",
  "ResourceNotFoundException",
  "SerializationException",
  "UnknownOperationException",
  "ValidationException",
]);

interface Answer {
  readonly status: number;
  readonly code: string;
  readonly text: string;
}

/** Over node:http, which sends what it is given; `fetch` would mend the path. */
function send({ method, target, headers, body }: RawRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = { "content-length": String(body.length) };
    const options = {
      port: door.port,
      host: "127.0.0.1",
      agent,
      method,
      path: target,
      headers: { ...headers, ...length },
    };
    const asked = httpRequest(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const code = String(response.headers["x-amzn-errortype"] ?? "");
        resolve({ status: response.statusCode!, code, text: Buffer.concat(chunks).toString() });
      });
      response.on("error", reject);
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

/** Every document on the disk, but for how far preparation has come, which nobody asked for. */
function state(): string {
  const rows = disk.prepare("SELECT kind, key, document FROM documents ORDER BY kind, key").all();
  return JSON.stringify(rows, (name, value: unknown) => {
    if (name !== "document") return value;
    const {
      state: _,
      stateReason,
      stateReasonCode,
      lastUpdateStatus,
      lastUpdateStatusReason,
      lastUpdateStatusReasonCode,
      revisionId,
      ...rest
    } = JSON.parse(String(value)) as Record<string, unknown>;
    return rest.fingerprint === undefined ? value : rest;
  });
}

const scope = { account: "000000000000", region: "us-east-1" };
const made: Record<string, unknown> = {};

async function make(
  operation: string,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<Record<string, unknown>> {
  const answer = await send(assemble(model, operation, { ...usual, ...special[operation], ...changes }));
  assert.ok(answer.status < 300, `${operation}: ${answer.status} ${answer.text}`);
  return answer.text === "" ? {} : (JSON.parse(answer.text) as Record<string, unknown>);
}

type Documents<Kind extends "mappings" | "codeSigning"> = readonly Parameters<Door["registry"][Kind]["put"]>[0][];
let first: { readonly mappings: Documents<"mappings">; readonly configs: Documents<"codeSigning"> } | undefined;

/** One of everything that requests may be about, and nothing else. */
async function fresh(): Promise<void> {
  const { functions, mappings, codeSigning } = door.registry;
  for (const { record } of functions.list(scope)) functions.remove(record, record.name);
  await make("CreateFunction", { FunctionName: "gone" });
  await make("CreateFunction", { FunctionName: "f", Publish: true });
  await make("CreateAlias", { Name: "live" });
  if (door.registry.layers.list(scope).length === 0) await make("PublishLayerVersion");
  await make("AddPermission", { StatementId: "there" });
  await make("PutFunctionEventInvokeConfig");
  await make("CreateFunctionUrlConfig", { Qualifier: undefined });
  if (first === undefined) {
    made.UUID = (await make("CreateEventSourceMapping", { EventSourceArn: `${queue}-first` })).UUID;
    const { CodeSigningConfig } = await make("CreateCodeSigningConfig");
    made.CodeSigningConfigArn = (CodeSigningConfig as Record<string, unknown>).CodeSigningConfigArn;
    first = { mappings: [...mappings.everything()], configs: [...codeSigning.everything()] };
  }
  // Their names are drawn: the same ones again.
  for (const { account, name } of [...mappings.everything()]) mappings.remove(account, name);
  for (const { account, name } of [...codeSigning.everything()]) codeSigning.remove(account, name);
  first.mappings.forEach(mappings.put);
  first.configs.forEach(codeSigning.put);
  const settled = () => functions.list(scope).every(({ latest }) => latest.state !== "Pending");
  while (!settled()) await delay(2);
}

before(async () => {
  door = await openDoor(undefined, folder);
  disk = new DatabaseSync(join(folder, "registry.sqlite"), { readOnly: true });
});
beforeEach(fresh);

after(async () => {
  agent.destroy();
  disk.close();
  await door[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

for (const [operation, { input: shapeName, errors }] of Object.entries(model.operations)) {
  test(`${operation} refuses what is wrong in AWS's words, and changes nothing then`, async () => {
    const members = model.shapes[shapeName!]!.members ?? {};
    const chosen = Object.entries({ ...usual, ...made, ...special[operation] }).filter(([name]) =>
      Object.hasOwn(members, name),
    );
    const known = new Set([...common, ...errors]);
    let was = state();
    let refused = 0;
    for (const { what, ...request } of hostile(model, operation, Object.fromEntries(chosen))) {
      const { status, code, text } = await send(request);
      const about = `${what}: ${request.method} ${request.target.slice(0, 200)}: ${status} ${code} ${text.slice(0, 300)}`;
      assert.deepEqual(door.reported, [], about);
      const now = state();
      if (status < 300) {
        if (now !== was) await fresh();
        was = state();
        continue;
      }
      refused += 1;
      assert.ok((status >= 400 && status < 500) || status === 501, about);
      // Nothing is said in a body where the path leads nowhere at all.
      assert.ok(known.has(code), about);
      const document = JSON.parse(text) as { message?: unknown; Message?: unknown };
      assert.equal(typeof (document.message ?? document.Message), "string", about);
      assert.equal(now, was, about);
      assert.equal(({} as { polluted?: unknown }).polluted, undefined, about);
    }
    if (Object.keys(members).length > 0) assert.ok(refused > 0, "nothing was refused");
  });
}
