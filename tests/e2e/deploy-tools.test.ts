import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { InvokeCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import { lambdaOf } from "./lambda.ts";
import { root, type Server, startServer } from "./server.ts";

/**
 * The tools that people deploy with, unmodified, from their registries. Their calls are replayed in every run by
 * cloudformation.test.ts; here it is they themselves, which takes minutes.
 */
const skip = process.env.THAW_TEST_SLOW === "1" ? false : "THAW_TEST_SLOW=1 runs it";
const cache = join(root, "node_modules", ".cache", "thaw-deploy-tools");
const execute = promisify(execFile);

let server: Server;
let lambda: LambdaClient;
let folder: string;

before(async () => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), "thaw-tools-"));
  cpSync(join(root, "tests/fixtures/deploy-tools"), folder, { recursive: true });
  server = await startServer();
  lambda = lambdaOf(server);
});
after(async () => {
  if (skip) return;
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function run(command: string, args: readonly string[], cwd: string, who: string) {
  const path = `${dirname(process.execPath)}:${process.env.PATH}`;
  const quiet = {
    SAM_CLI_TELEMETRY: "0",
    CDK_DISABLE_CLI_TELEMETRY: "1",
    AWS_EC2_METADATA_DISABLED: "true",
    HOME: folder,
  };
  const env = { ...process.env, ...server.env, ...quiet, PATH: path, WHO: who };
  return execute(command, args, { cwd: join(folder, cwd), env, maxBuffer: 64 * 1024 * 1024, timeout: 600_000 });
}

async function npm(...packages: string[]): Promise<string> {
  const home = join(cache, "npm");
  mkdirSync(home, { recursive: true });
  if (packages.every((each) => existsSync(join(home, "node_modules", each.replace(/(?<=.)@.*/, ""))))) return home;
  if (!existsSync(join(home, "package.json"))) writeFileSync(join(home, "package.json"), "{}");
  await execute("npm", ["i", "--ignore-scripts", "--no-audit", "--no-fund", ...packages], { cwd: home });
  return home;
}

async function said(FunctionName: string): Promise<string> {
  const { Payload } = await lambda.send(new InvokeCommand({ FunctionName, Payload: "{}" }));
  return JSON.parse(Buffer.from(Payload!).toString()).body;
}

const gone = (name: string) => assert.rejects(said(name), { name: "ResourceNotFoundException" });

test("sam deploys an application, changes it and deletes it", { skip }, async () => {
  const venv = join(cache, "sam");
  const sam = join(venv, "bin/sam");
  if (!existsSync(sam)) {
    await execute("python3", ["-m", "venv", venv]);
    await execute(join(venv, "bin/pip"), ["install", "--quiet", "aws-sam-cli"], { timeout: 600_000 });
  }
  const deploy = (who: string) =>
    run(
      sam,
      [
        "deploy",
        "--stack-name",
        "tools-sam",
        "--resolve-s3",
        "--capabilities",
        "CAPABILITY_IAM",
        "--no-confirm-changeset",
        "--parameter-overrides",
        `Who=${who}`,
      ],
      "sam",
      who,
    );
  await deploy("sam");
  assert.equal(await said("tools-sam"), "hello sam");
  await deploy("again");
  assert.equal(await said("tools-sam"), "hello again");
  await run(sam, ["delete", "--stack-name", "tools-sam", "--no-prompts"], "sam", "");
  await gone("tools-sam");
});

test("the CDK bootstraps, deploys a stack, changes it and destroys it", { skip }, async () => {
  // A pair that fits together: the tool reads what the library of its time writes.
  const home = await npm("aws-cdk@2.1148.1", "aws-cdk-lib@2.274.0", "constructs");
  symlinkSync(join(home, "node_modules"), join(folder, "node_modules"));
  const cdk = (args: readonly string[], who: string) =>
    run(process.execPath, [join(home, "node_modules/aws-cdk/bin/cdk"), "--app", "node app.cjs", ...args], "cdk", who);
  await cdk(["bootstrap", "aws://000000000000/us-east-1"], "cdk");
  await cdk(["deploy", "--require-approval", "never"], "cdk");
  assert.equal(await said("tools-cdk"), "hello cdk");
  await cdk(["deploy", "--require-approval", "never"], "again");
  assert.equal(await said("tools-cdk"), "hello again");
  await cdk(["destroy", "-f"], "again");
  await gone("tools-cdk");
});

test("osls deploys a service, changes it and removes it", { skip }, async () => {
  const home = await npm("osls");
  cpSync(join(folder, "code"), join(folder, "osls"), { recursive: true });
  const osls = (args: readonly string[], who: string) =>
    run(process.execPath, [join(home, "node_modules/osls/bin/serverless.js"), ...args], "osls", who);
  await osls(["deploy"], "osls");
  assert.equal(await said("tools-osls"), "hello osls");
  await osls(["deploy"], "again");
  assert.equal(await said("tools-osls"), "hello again");
  await osls(["remove"], "again");
  await gone("tools-osls");
});
