// What `npm ci` makes of the sources is what `thaw` runs, as long as it is the newest; and it does what they do.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { CloudFormationClient, ListStacksCommand } from "@aws-sdk/client-cloudformation";
import { CreateFunctionCommand, InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { zipOf } from "../e2e/lambda.ts";

const root = resolve(import.meta.dirname, "../..");

/** A checkout of its own, with what `npm ci` has installed. */
function checkout(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "thaw-bundle-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ["bin", "src", "runtimes", "package.json"])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  for (const name of ["node_modules", "agent"]) symlinkSync(join(root, name), join(folder, name));
  mkdirSync(join(folder, "scripts"));
  cpSync(join(root, "scripts/bundle.mjs"), join(folder, "scripts/bundle.mjs"));
  mkdirSync(join(folder, ".git"));
  execFileSync(process.execPath, [join(folder, "scripts/bundle.mjs"), "--required"], { stdio: "inherit" });
  return folder;
}

async function start(t: TestContext, folder: string) {
  const child = spawn(join(folder, "bin/thaw"), ["up", "--port", "0", "--data", join(folder, "data"), "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const { endpoint, pid } = JSON.parse(line) as { endpoint: string; pid: number };
  return {
    endpoint,
    command: readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0"),
    async stop() {
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

test("the bundle runs functions, loads rooms and services when they are asked for, and gives way to a newer source", {
  skip: process.platform === "linux" ? false : "looks at /proc",
}, async (t) => {
  const folder = checkout(t);
  const platform = await start(t, folder);
  const options = {
    endpoint: platform.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  assert.ok(
    platform.command.some((each) => each.endsWith("/dist/bundle/thaw.js")),
    platform.command.join(" "),
  );
  const lambda = new LambdaClient(options);
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: "hello",
      Runtime: "nodejs22.x",
      Handler: "index.handler",
      Role: "arn:aws:iam::000000000000:role/test",
      Code: { ZipFile: await zipOf({ "index.js": 'exports.handler = async ({ who }) => "hello " + who' }) },
    }),
  );
  const invoke = new InvokeCommand({ FunctionName: "hello", Payload: JSON.stringify({ who: "bundle" }) });
  const { Payload } = await lambda.send(invoke);
  assert.equal(Buffer.from(Payload!).toString(), '"hello bundle"');
  assert.deepEqual((await new CloudFormationClient(options).send(new ListStacksCommand({}))).StackSummaries ?? [], []);
  assert.deepEqual((await new SQSClient(options).send(new ListQueuesCommand({}))).QueueUrls ?? [], []);
  assert.ok(existsSync(join(folder, "data/messages.sqlite")), "the room of queues was made");
  await platform.stop();

  const later = new Date(Date.now() + 60_000);
  utimesSync(join(folder, "src/model/clock.ts"), later, later);
  const again = await start(t, folder);
  assert.ok(
    again.command.some((each) => each.endsWith("/src/cli/main.ts")),
    again.command.join(" "),
  );
  await again.stop();
});
