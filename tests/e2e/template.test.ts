import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { GetFunctionCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import { build } from "../fixtures/build.ts";
import { runClient } from "./clients.ts";
import { answerOf, invoke, lambdaOf } from "./lambda.ts";
import { root, type Server, startServer } from "./server.ts";

/** Both templates of the mission's cold start document, deployed by the command and looked at by the SDK. */
let server: Server;
let client: LambdaClient;
const folder = mkdtempSync(join(tmpdir(), "thaw-template-"));

before(async () => {
  server = await startServer();
  client = lambdaOf(server);
  cpSync(join(root, "tests/cli/fixtures"), folder, { recursive: true });
});
after(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

async function deploy(template: string): Promise<{ warnings: string[] }> {
  const args = ["deploy", join(folder, template), "--json"];
  const { code, stdout, stderr } = await runClient(join(root, "bin/thaw"), args, server.env);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

test("the provisioned concurrency template makes its function, which answers", async () => {
  const { warnings } = await deploy("provisioned/template.yaml");
  for (const named of [/ProvisionedConcurrencyConfig/, /ReservedConcurrencyLimit/]) {
    assert.ok(
      warnings.some((text) => named.test(text)),
      `${named}: ${warnings}`,
    );
  }
  const { Configuration } = await client.send(new GetFunctionCommand({ FunctionName: "critical-api-function" }));
  assert.deepEqual([Configuration?.Runtime, Configuration?.Handler], ["nodejs18.x", "index.handler"]);
  const answer = await answerOf(client, "critical-api-function");
  assert.deepEqual(answer, { statusCode: 200, body: "Hello World" });
});

test("the production template makes its function with memory, timeout, variables and layer, which answers", async () => {
  const { warnings } = await deploy("production/template.yaml");
  for (const named of [/ProvisionedConcurrencyConfig/, /ReservedConcurrencyLimit/, /VpcConfig/, /Events/]) {
    assert.ok(
      warnings.some((text) => named.test(text)),
      `${named}: ${warnings}`,
    );
  }
  const { Configuration } = await client.send(new GetFunctionCommand({ FunctionName: "high-performance-api" }));
  assert.deepEqual([Configuration?.MemorySize, Configuration?.Timeout], [1024, 30]);
  assert.deepEqual(Configuration?.Environment?.Variables, {
    NODE_ENV: "production",
    AWS_NODEJS_CONNECTION_REUSE_ENABLED: "1",
  });
  assert.match(Configuration?.Layers?.[0]?.Arn ?? "", /:layer:shared-dependencies:1$/);
  const { payload, log } = await invoke(client, "high-performance-api", { name: "Ada" });
  assert.equal(payload.statusCode, 200);
  assert.equal(JSON.parse(payload.body).greeting, "Hello Ada");
  assert.match(log, /Memory Size: 1024 MB/);
});

for (const fixture of ["hello-node-esm", "hello-python", "hello-go"]) {
  test(`a folder is deployed without a word about its runtime or handler, and invoked (${fixture})`, async (t) => {
    const built = await build(fixture).catch((error: Error) => error);
    if (built instanceof Error) return t.skip(built.message);
    cpSync(built.dir, join(folder, fixture), { recursive: true });
    await deploy(fixture);
    const args = ["invoke", fixture, "--payload", '{"name":"Ada"}'];
    const { code, stdout, stderr } = await runClient(join(root, "bin/thaw"), args, server.env);
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).message, "Hello, Ada!");
  });
}
