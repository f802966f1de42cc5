import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { awsCliVersion, goProgram, pythonWithBoto3, runClient, rustProgram } from "./clients.ts";
import { zipOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

const scripts = join(import.meta.dirname, "fixtures", "clients");
const folder = mkdtempSync(join(tmpdir(), "thaw-five-"));
const zip = join(folder, "code.zip");
let server: Server;

before(async () => {
  const code = `exports.handler = async (event) => {
    if (event.fail) throw new Error("no");
    return { got: event.n };
  };`;
  writeFileSync(zip, await zipOf({ "index.js": code }));
  server = await startServer();
});
after(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** What every client must have seen. */
const told = [
  "created nodejs22.x 128 3",
  'invoked 200 $LATEST {"got":1}',
  "failed Unhandled no",
  "updated 9",
  "published 1",
  "alias live 1",
  'invoked 200 1 {"got":2}',
  "reserved 2",
  "policy s",
  "versions $LATEST 1",
  "tags a=b",
  "refused ResourceConflictException",
  "refused ResourceNotFoundException",
  "refused ValidationException",
  "refused ResourceNotFoundException",
];

interface Program {
  readonly program: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The same calls in five languages. `find` rejects where a client cannot be had. */
const clients: Readonly<Record<string, () => Promise<Program>>> = {
  "the aws CLI": async () => {
    await awsCliVersion();
    return { program: join(scripts, "script.sh"), env: { AWS_PAGER: "", AWS_MAX_ATTEMPTS: "1" } };
  },
  boto3: async () => {
    const python = await pythonWithBoto3();
    return { ...python, args: [join(scripts, "script.py")] };
  },
  "the SDK for JavaScript": async () => ({
    program: process.execPath,
    args: ["--disable-warning=ExperimentalWarning", join(scripts, "script.ts")],
  }),
  "the SDK for Go": async () => ({ program: await goProgram(join(scripts, "go")) }),
  "the SDK for Rust": async () => {
    if (!process.env.THAW_TEST_SLOW) throw new Error("THAW_TEST_SLOW is not set, and compiling it takes minutes");
    return { program: await rustProgram(join(scripts, "rust")) };
  },
};

for (const [client, find] of Object.entries(clients)) {
  test(`${client} takes a function through its life as every other client does`, { timeout: 900_000 }, async (t) => {
    const found = await find().catch((error: Error) => error);
    if (found instanceof Error) return t.skip(`${client} cannot be had: ${found.message.split("\n")[0]}`);
    const name = client.replaceAll(" ", "-");
    const args = [...(found.args ?? []), name, zip];
    const { code, stdout, stderr } = await runClient(found.program, args, { ...server.env, ...found.env });
    assert.equal(code, 0, stderr);
    assert.deepEqual(stdout.trim().split("\n"), told, stderr);
  });
}
