import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { awsCliVersion, runClient } from "./clients.ts";
import { role, zipOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** What a user types: the aws command, both generations of it. Skipped where there is none. */
let server: Server;
let version: string | Error;
const folder = mkdtempSync(join(tmpdir(), "thaw-aws-"));
const file = (name: string) => join(folder, name);

before(async () => {
  version = await awsCliVersion().catch((error: Error) => error);
  if (version instanceof Error) return;
  server = await startServer();
  writeFileSync(file("one.zip"), await zipOf({ "index.js": code("one") }));
  writeFileSync(file("two.zip"), await zipOf({ "index.js": code("two") }));
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const code = (word: string) => `
  exports.handler = async (event, context) => {
    console.log("printed by", "${word}");
    if (event.fail) throw new Error("as asked");
    return { word: "${word}", of: process.env.OF, custom: context.clientContext?.custom };
  };`;

/** `aws …`, which must succeed; its answer. Version 2 wants to be told that payloads are not base64. */
async function aws(...args: string[]): Promise<ReturnType<typeof JSON.parse>> {
  const { code, stdout, stderr } = await plain(...args);
  assert.equal(code, 0, `aws ${args.join(" ")}: ${stderr}`);
  return stdout.trim() === "" ? undefined : JSON.parse(stdout);
}

function plain(...args: string[]) {
  const env = { ...server.env, AWS_PAGER: "", AWS_MAX_ATTEMPTS: "1", AWS_DEFAULT_OUTPUT: "json" };
  return runClient("aws", args, env);
}

/** `aws lambda invoke`: what it printed, and the payload that it wrote to a file. */
async function invoke(name: string, event: unknown, ...more: string[]) {
  const binary =
    version instanceof Error || version.startsWith("aws-cli/1") ? [] : ["--cli-binary-format", "raw-in-base64-out"];
  const payload = JSON.stringify(event);
  const flags = ["--function-name", name, "--payload", payload, ...binary, ...more, file("answer.json")];
  const printed = await aws("lambda", "invoke", ...flags);
  const text = readFileSync(file("answer.json"), "utf8");
  return { printed, payload: text === "" ? undefined : JSON.parse(text) };
}

test("a function is made, awaited, invoked, changed, throttled and deleted", async (t) => {
  if (version instanceof Error) return t.skip(`no aws command: ${version.message}`);
  assert.equal((await aws("sts", "get-caller-identity")).Account, "000000000000");
  const name = ["--function-name", "typed"];
  const made = await aws(
    ...["lambda", "create-function", ...name, "--runtime", "nodejs22.x", "--handler", "index.handler"],
    ...["--role", role, "--zip-file", `fileb://${file("one.zip")}`, "--environment", "Variables={OF=cli}"],
  );
  assert.deepEqual([made.FunctionName, made.State], ["typed", "Pending"]);
  await aws("lambda", "wait", "function-active-v2", ...name);

  const context = Buffer.from(JSON.stringify({ custom: { k: 1 } })).toString("base64");
  const first = await invoke("typed", { a: 1 }, "--log-type", "Tail", "--client-context", context);
  assert.deepEqual(first.payload, { word: "one", of: "cli", custom: { k: 1 } });
  assert.deepEqual([first.printed.StatusCode, first.printed.ExecutedVersion], [200, "$LATEST"]);
  const log = Buffer.from(first.printed.LogResult, "base64").toString();
  assert.match(log, /^START RequestId: [\s\S]*printed by one\n[\s\S]*^REPORT RequestId: /m);

  const failed = await invoke("typed", { fail: true });
  assert.equal(failed.printed.FunctionError, "Unhandled");
  assert.equal(failed.payload.errorMessage, "as asked");
  const dry = await invoke("typed", {}, "--invocation-type", "DryRun");
  assert.equal(dry.printed.StatusCode, 204);

  const published = await aws("lambda", "publish-version", ...name);
  assert.equal(published.Version, "1");
  await aws("lambda", "update-function-code", ...name, "--zip-file", `fileb://${file("two.zip")}`);
  await aws("lambda", "wait", "function-updated-v2", ...name);
  await aws("lambda", "update-function-configuration", ...name, "--environment", "Variables={OF=change}");
  await aws("lambda", "wait", "function-updated-v2", ...name);
  assert.deepEqual((await invoke("typed", {})).payload, { word: "two", of: "change" });
  assert.deepEqual((await invoke("typed", {}, "--qualifier", "1")).payload, { word: "one", of: "cli" });

  const { Functions } = await aws("lambda", "list-functions");
  assert.deepEqual(
    Functions.map(({ FunctionName }: { FunctionName: string }) => FunctionName),
    ["typed"],
  );

  await aws("lambda", "put-function-concurrency", ...name, "--reserved-concurrent-executions", "0");
  const shut = await plain("lambda", "invoke", ...name, file("answer.json"));
  assert.notEqual(shut.code, 0);
  assert.match(shut.stderr, /\(TooManyRequestsException\) when calling the Invoke operation.*: Rate Exceeded\./);
  await aws("lambda", "delete-function-concurrency", ...name);

  await aws("lambda", "delete-function", ...name);
  const gone = await plain("lambda", "get-function", ...name);
  assert.match(
    gone.stderr,
    /\(ResourceNotFoundException\).*Function not found: arn:aws:lambda:us-east-1:000000000000:function:typed/,
  );
});

test("a role is made and used as a tutorial does it", async (t) => {
  if (version instanceof Error) return t.skip(`no aws command: ${version.message}`);
  const trust = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
  });
  const { Role } = await aws("iam", "create-role", "--role-name", "typed-role", "--assume-role-policy-document", trust);
  const policy = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
  await aws("iam", "attach-role-policy", "--role-name", "typed-role", "--policy-arn", policy);
  const made = await aws(
    ...["lambda", "create-function", "--function-name", "with-role", "--runtime", "nodejs22.x", "--role", Role.Arn],
    ...["--handler", "index.handler", "--zip-file", `fileb://${file("one.zip")}`],
  );
  assert.equal(made.Role, Role.Arn);
});
