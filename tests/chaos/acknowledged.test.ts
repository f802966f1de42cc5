import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import * as lambda from "@aws-sdk/client-lambda";
import { lambdaOf, role, zipOf } from "../e2e/lambda.ts";
import { type Server, startServer } from "../e2e/server.ts";

/** All that is written of one function, as its readers see it; undefined: there is no such function. */
interface State {
  readonly timeout: number;
  readonly code: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly concurrency: number | undefined;
  /** number and description */
  readonly versions: readonly string[];
  /** name and version */
  readonly aliases: Readonly<Record<string, string>>;
  /** statement ids */
  readonly policy: readonly string[];
  readonly retries: number | undefined;
}

/** One request: what is sent, and what it makes of a state. */
interface Step {
  readonly send: () => Promise<unknown>;
  readonly next: State | undefined;
}

const rounds = Number(process.env.THAW_TEST_KILLS ?? 10);
const codes: { readonly zip: Buffer; readonly sha: string }[] = [];

before(async () => {
  for (const text of ["#!/bin/sh\n# 0\n", "#!/bin/sh\n# 1\n"]) {
    const zip = await zipOf({ bootstrap: text });
    const hash = await crypto.subtle.digest("SHA-256", new Uint8Array(zip));
    codes.push({ zip, sha: Buffer.from(hash).toString("base64") });
  }
});

const pick = (count: number): number => Math.floor(Math.random() * count);

/** A request that must succeed in this state. */
function step(client: lambda.LambdaClient, name: string, state: State | undefined): Step {
  const FunctionName = name;
  const n = pick(1000);
  const code = codes[pick(2)]!;
  if (state === undefined) {
    const publish = n % 2 === 0;
    const input = {
      FunctionName,
      Role: role,
      Runtime: "provided.al2023",
      Handler: "h",
      Timeout: (n % 100) + 1,
      Code: { ZipFile: code.zip },
      Tags: { made: String(n) },
      Publish: publish,
    } as const;
    const next: State = {
      timeout: input.Timeout,
      code: code.sha,
      tags: input.Tags,
      concurrency: undefined,
      versions: publish ? ["1 "] : [],
      aliases: {},
      policy: [],
      retries: undefined,
    };
    return { send: () => client.send(new lambda.CreateFunctionCommand(input)), next };
  }
  const Name = `a${n % 3}`;
  switch (pick(9)) {
    case 0:
      return {
        send: () =>
          client.send(new lambda.UpdateFunctionConfigurationCommand({ FunctionName, Timeout: (n % 100) + 1 })),
        next: { ...state, timeout: (n % 100) + 1 },
      };
    case 1: {
      // An update is always something to publish: code and version come together, or neither does.
      const command = new lambda.UpdateFunctionCodeCommand({ FunctionName, ZipFile: code.zip, Publish: true });
      const versions = [...state.versions, `${state.versions.length + 1} `];
      return { send: () => client.send(command), next: { ...state, code: code.sha, versions } };
    }
    case 2:
    case 3: {
      if (state.versions.length === 0) return step(client, name, state);
      const FunctionVersion = String(pick(state.versions.length) + 1);
      const next = { ...state, aliases: { ...state.aliases, [Name]: FunctionVersion } };
      const input = { FunctionName, Name, FunctionVersion };
      const command =
        state.aliases[Name] === undefined ? new lambda.CreateAliasCommand(input) : new lambda.UpdateAliasCommand(input);
      return { send: () => client.send(command as lambda.UpdateAliasCommand), next };
    }
    case 4: {
      const { [Name]: _, ...aliases } = state.aliases;
      const command = new lambda.DeleteAliasCommand({ FunctionName, Name });
      return { send: () => client.send(command), next: { ...state, aliases } };
    }
    case 5: {
      const Tags = { [`t${n % 5}`]: String(n) };
      const Resource = `arn:aws:lambda:us-east-1:000000000000:function:${name}`;
      const command = new lambda.TagResourceCommand({ Resource, Tags });
      return { send: () => client.send(command), next: { ...state, tags: { ...state.tags, ...Tags } } };
    }
    case 6: {
      const StatementId = `s${state.policy.length}`;
      const Action = "lambda:InvokeFunction";
      const command = new lambda.AddPermissionCommand({ FunctionName, StatementId, Action, Principal: "*" });
      return { send: () => client.send(command), next: { ...state, policy: [...state.policy, StatementId] } };
    }
    case 7: {
      const input = { FunctionName, MaximumRetryAttempts: n % 3 };
      const command = new lambda.PutFunctionEventInvokeConfigCommand(input);
      return { send: () => client.send(command), next: { ...state, retries: n % 3 } };
    }
    default:
      if (n % 4 === 0) {
        return { send: () => client.send(new lambda.DeleteFunctionCommand({ FunctionName })), next: undefined };
      }
      return {
        send: () =>
          client.send(new lambda.PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: n % 10 })),
        next: { ...state, concurrency: n % 10 },
      };
  }
}

/** What a client knows of its function: what it was told, and what it asked for when the platform died. */
interface Known {
  state: State | undefined;
  asked: { readonly next: State | undefined } | undefined;
  acknowledged: number;
}

/** One client, one function: change after change, until the platform is gone. */
async function write(client: lambda.LambdaClient, name: string, known: Known): Promise<void> {
  for (;;) {
    const { send, next } = step(client, name, known.state);
    known.asked = { next };
    try {
      await send();
    } catch (error) {
      // The last update is still under way: nothing was changed.
      if (error instanceof lambda.ResourceConflictException) continue;
      if (error instanceof lambda.LambdaServiceException) throw error;
      return;
    }
    known.state = next;
    known.asked = undefined;
    known.acknowledged += 1;
  }
}

/** Undefined instead of ResourceNotFoundException. */
async function there<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof lambda.ResourceNotFoundException) return undefined;
    throw error;
  }
}

async function read(client: lambda.LambdaClient, FunctionName: string): Promise<State | undefined> {
  const of = { FunctionName };
  const found = await there(client.send(new lambda.GetFunctionCommand(of)));
  if (found === undefined) return undefined;
  const versions = await client.send(new lambda.ListVersionsByFunctionCommand(of));
  const aliases = await client.send(new lambda.ListAliasesCommand(of));
  const policy = await there(client.send(new lambda.GetPolicyCommand(of)));
  const config = await there(client.send(new lambda.GetFunctionEventInvokeConfigCommand(of)));
  const statements =
    policy === undefined ? [] : (JSON.parse(policy.Policy!) as { Statement: { Sid: string }[] }).Statement;
  return {
    timeout: found.Configuration!.Timeout!,
    code: found.Configuration!.CodeSha256!,
    tags: found.Tags ?? {},
    concurrency: found.Concurrency?.ReservedConcurrentExecutions,
    versions: versions
      .Versions!.filter(({ Version }) => Version !== "$LATEST")
      .map(({ Version, Description }) => `${Version} ${Description}`),
    aliases: Object.fromEntries(aliases.Aliases!.map(({ Name, FunctionVersion }) => [Name!, FunctionVersion!])),
    policy: statements.map(({ Sid }) => Sid),
    retries: config?.MaximumRetryAttempts,
  };
}

/** The function's state is what was acknowledged, or that and the whole of what was asked for last. Else it says what is wrong. */
async function look(client: lambda.LambdaClient, name: string, known: Known): Promise<void> {
  const found = await read(client, name);
  const plain = (state: State | undefined) => JSON.parse(JSON.stringify(state ?? null)) as unknown;
  const same = (state: State | undefined) => {
    try {
      assert.deepEqual(plain(found), plain(state));
      return true;
    } catch {
      return false;
    }
  };
  if (known.asked !== undefined && same(known.asked.next)) known.state = known.asked.next;
  known.asked = undefined;
  assert.deepEqual(plain(found), plain(known.state), `${name} after ${known.acknowledged} acknowledged writes`);
}

test(`${rounds} times killed at any moment: every acknowledged write is there, and none by half`, async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), "thaw-acknowledged-"));
  const start = () => startServer({ dataDir, args: ["--driver", "process"] });
  const functions = new Map<string, Known>();
  for (let n = 0; n < 6; n += 1) functions.set(`f${n}`, { state: undefined, asked: undefined, acknowledged: 0 });
  let server: Server = await start();
  try {
    for (let round = 0; round < rounds; round += 1) {
      const client = lambdaOf(server);
      const writers = [...functions].map(([name, known]) => write(client, name, known));
      await delay(Math.random() * 250);
      await server.kill();
      await Promise.all(writers);
      client.destroy();
      server = await start();
      const reader = lambdaOf(server);
      for (const [name, known] of functions) await look(reader, name, known);
      reader.destroy();
    }
    const acknowledged = [...functions.values()].reduce((sum, known) => sum + known.acknowledged, 0);
    t.diagnostic(`${acknowledged} acknowledged writes`);
    assert.ok(acknowledged > rounds, "hardly anything was written");
  } finally {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
});
