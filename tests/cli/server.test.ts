import assert from "node:assert/strict";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Server, startServer } from "../e2e/server.ts";
import { root, temporaryFolder, thaw } from "./thaw.ts";

/** The command against a real platform, as a newcomer uses it. */
let server: Server;
const folder = temporaryFolder();

before(async () => {
  server = await startServer();
  mkdirSync(join(folder, "hello"));
  writeFileSync(
    join(folder, "hello", "index.js"),
    `exports.handler = async (event) => {
       console.log("asked by", event.name);
       if (event.fail) throw new Error("as asked");
       return { hello: event.name, word: process.env.WORD };
     };`,
  );
  for (const fixture of ["provisioned", "production"]) {
    cpSync(join(root, "tests/cli/fixtures", fixture), join(folder, fixture), { recursive: true });
  }
});

after(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const run = (args: readonly string[]) => thaw(args, { env: server.env, cwd: folder });

/** The JSON document of a command that must succeed. */
async function json(args: readonly string[]): Promise<ReturnType<typeof JSON.parse>> {
  const { code, stdout, stderr } = await run([...args, "--json"]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

test("a folder is deployed, answers, and shows where the time went", async () => {
  const { code, stdout, stderr } = await run(["deploy", "hello", "--env", "WORD=hi", "--memory", "256"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^hello created in /);
  assert.match(stdout, /arn:aws:lambda:us-east-1:000000000000:function:hello/);
  assert.match(stderr, /next: {2}thaw invoke hello/);

  const invoked = await run(["invoke", "hello", "--payload", '{"name":"Ada"}', "--timing", "--tail"]);
  assert.equal(invoked.stdout, '{"hello":"Ada","word":"hi"}\n', invoked.stderr);
  assert.equal(invoked.code, 0);
  assert.match(invoked.stderr, /asked by Ada/);
  assert.match(invoked.stderr, /^REPORT RequestId: .*Memory Size: 256 MB/m);
  assert.match(invoked.stderr, /^cold start( from a prepared sandbox)?: /m);
  assert.match(invoked.stderr, /^ {2}handler .*█/m);
});

test("the same folder again changes nothing; a changed one changes what changed", async () => {
  await json(["deploy", "hello", "--name", "again"]);
  const unchanged = await json(["deploy", "hello", "--name", "again"]);
  assert.deepEqual([unchanged.functions[0].action, unchanged.functions[0].changes], ["unchanged", []]);

  const bigger = await json(["deploy", "hello", "--name", "again", "--memory", "512", "--publish"]);
  assert.deepEqual(bigger.functions[0].changes, [{ member: "MemorySize", from: 128, to: 512 }]);
  assert.equal(bigger.functions[0].version, "1");
  const versioned = await json(["invoke", "again", "--qualifier", "1", "--payload", '{"name":"x"}']);
  assert.equal(versioned.executedVersion, "1");

  await json(["deploy", "hello", "--name", "again", "--env", "ONE=1"]);
  const added = await json(["deploy", "hello", "--name", "again", "--env", "TWO=2"]);
  assert.deepEqual(added.functions[0].changes[0].to, { Variables: { ONE: "1", TWO: "2" } });
});

test("a function's error leaves exit code 3, and its log says why", async () => {
  await json(["deploy", "hello", "--name", "failing"]);
  const failed = await run(["invoke", "failing", "--payload", '{"name":"x","fail":true}']);
  assert.equal(failed.code, 3);
  assert.equal(JSON.parse(failed.stdout).errorMessage, "as asked");
  const logs = await run(["logs", "failing", "--since", "1m"]);
  assert.match(logs.stdout, /^START RequestId: /m);
  assert.match(logs.stdout, /as asked/);
  assert.match(logs.stdout, /^REPORT RequestId: /m);
});

test("ps shows the environment that served, list the function, delete removes both", async () => {
  await json(["deploy", "hello", "--name", "shown"]);
  await json(["invoke", "shown", "--payload", '{"name":"x"}']);
  const { environments } = await json(["ps"]);
  const mine = environments.filter((each: { function: string }) => each.function === "shown");
  assert.equal(mine.length, 1);
  assert.equal(mine[0].invocations, 1);
  assert.match((await run(["ps"])).stdout, /^[0-9a-f]{12} +shown /m);
  assert.match((await run(["list"])).stdout, /^shown +nodejs\d+\.x +index\.handler/m);
  assert.equal((await run(["delete", "shown"])).code, 0);
  assert.doesNotMatch((await run(["list"])).stdout, /^shown /m);
  assert.equal((await run(["invoke", "shown"])).code, 1);
});

test("the mission's provisioned concurrency template deploys, answers, and names what waits for later", async () => {
  const { stdout, stderr, code } = await run(["deploy", "provisioned/template.yaml"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^critical-api-function created/m);
  assert.match(stderr, /template\.yaml:16: ProvisionedConcurrencyConfig: .*not acted on yet/);
  assert.match(stderr, /template\.yaml:14: .*ReservedConcurrencyLimit: AWS calls this ReservedConcurrentExecutions/);
  const { payload } = await json(["invoke", "critical-api-function"]);
  assert.deepEqual(payload, { statusCode: 200, body: "Hello World" });
  await json(["delete", "critical-api-function"]);
});

test("the mission's production template deploys with its layer, answers, and deploys again without a change", async () => {
  const first = await json(["deploy", "production/template.yaml"]);
  assert.equal(first.layers[0].action, "published");
  const named = ["ProvisionedConcurrencyConfig", "VpcConfig", "Events", "RetentionPolicy"];
  for (const property of named) {
    assert.ok(
      first.warnings.some((text: string) => text.includes(`.Properties.${property}: not acted on yet`)),
      property,
    );
  }
  const { payload } = await json(["invoke", "high-performance-api", "--payload", '{"name":"Ada"}']);
  assert.deepEqual(JSON.parse(payload.body), { greeting: "Hello Ada", environment: "production", reuse: "1" });

  const second = await json(["deploy", "production/template.yaml"]);
  assert.equal(second.layers[0].action, "unchanged");
  assert.equal(second.functions[0].action, "unchanged");
});

test("a template's versions and aliases are made in order and can be invoked", async () => {
  mkdirSync(join(folder, "stack"));
  writeFileSync(
    join(folder, "stack", "template.yaml"),
    `Resources:
  Live:
    Type: AWS::Lambda::Alias
    Properties: { FunctionName: !Ref Fn, FunctionVersion: !GetAtt V1.Version, Name: live }
  V1:
    Type: AWS::Lambda::Version
    Properties: { FunctionName: !Ref Fn, Description: first }
  Fn:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: nodejs24.x
      Handler: index.handler
      Code: { ZipFile: "exports.handler = async () => process.env.AWS_LAMBDA_FUNCTION_VERSION" }
Outputs:
  Alias: { Value: !Ref Live }
`,
  );
  const deployed = await json(["deploy", "stack/template.yaml"]);
  assert.equal(deployed.outputs.Alias, "arn:aws:lambda:us-east-1:000000000000:function:stack-Fn:live");
  const { payload } = await json(["invoke", "stack-Fn", "--qualifier", "live"]);
  assert.equal(payload, "1");
});

test("a port that is taken is said with the way out", async () => {
  const data = temporaryFolder();
  const { code, stderr } = await run(["up", "--port", String(server.port), "--data", data]);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`already listens at 127\\.0\\.0\\.1:${server.port}`));
  assert.match(stderr, /next: {2}choose another port with --port/);
  rmSync(data, { recursive: true, force: true });
});

test("doctor says which isolation is used, and that Thaw is running", async () => {
  const report = await json(["doctor"]);
  assert.equal(report.ok, true);
  assert.equal(report.driver, server.driver);
  const found = report.checks.find((check: { topic: string }) => check.topic === "server");
  assert.equal(found.detail, "Thaw is running");
});

test("logs --follow prints lines as they are written", async () => {
  await json(["deploy", "hello", "--name", "followed"]);
  const { spawn } = await import("node:child_process");
  const child = spawn(join(root, "bin/thaw"), ["logs", "followed", "--follow"], {
    env: { ...process.env, ...server.env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const seen = new Promise<void>((resolve) => {
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("asked by follower") && text.includes("REPORT")) resolve();
    });
  });
  await json(["invoke", "followed", "--payload", '{"name":"follower"}']);
  await seen;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGINT");
  assert.equal(await ended, 0);
});
