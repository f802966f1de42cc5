import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CloudWatchClient, GetMetricStatisticsCommand } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateFunctionCommand,
  DeleteFunctionCommand,
  type LambdaClient,
  PublishLayerVersionCommand,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import { buildImage, writeLayout } from "../../src/artifacts/container/testing.ts";
import { otelExtension, pythonModules, sentryExtension } from "./clients.ts";
import { noBusybox, shellLayers } from "./images.ts";
import { active, answerOf, createFunction, invoke, lambdaOf, role, updated, zipOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** Extensions that others have published for Lambda, unmodified. */
let server: Server;
let client: LambdaClient;
let logs: CloudWatchLogsClient;
const credentials = { accessKeyId: "test", secretAccessKey: "test" };
/** where images may lie */
let images: string;

before(async () => {
  images = mkdtempSync(join(tmpdir(), "thaw-extensions-"));
  server = await startServer({ env: { THAW_IMAGE_FOLDERS: images } });
  client = lambdaOf(server);
  logs = new CloudWatchLogsClient({ endpoint: server.endpoint, region: "us-east-1", credentials });
});
after(async () => {
  client.destroy();
  logs.destroy();
  await server[Symbol.asyncDispose]();
  rmSync(images, { recursive: true, force: true });
});

async function layer(name: string, zip: Uint8Array): Promise<string> {
  const made = await client.send(new PublishLayerVersionCommand({ LayerName: name, Content: { ZipFile: zip } }));
  return made.LayerVersionArn!;
}

/** The lines of a function's log, once one of them is as it should be. */
async function logged(name: string, wanted: RegExp): Promise<string[]> {
  for (const end = Date.now() + 20_000; ; ) {
    const group = { logGroupName: `/aws/lambda/${name}` };
    const { events = [] } = await logs.send(new FilterLogEventsCommand(group)).catch(() => ({ events: [] }));
    const lines = events.map(({ message = "" }) => message);
    if (lines.some((line) => wanted.test(line))) return lines;
    assert.ok(Date.now() < end, `no line is like ${wanted}:\n${lines.join("\n")}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

test("Sentry's: it registers, listens for its SDK, and the function's calls go on beside it", async (t) => {
  if (server.driver !== "container") return t.skip("only containers have an /opt of their own");
  const folder = await sentryExtension().catch((error: Error) => error);
  if (folder instanceof Error) return t.skip(`the package cannot be had: ${folder.message}`);
  const file = (name: string) => readFileSync(join(folder, name));
  const zip = await zipOf({
    "extensions/sentry-extension": file("sentry-extension"),
    "sentry-extension/index.mjs": file("index.mjs"),
  });
  const dsn = "https://public@sentry.invalid/1";
  const code = {
    "index.js": `exports.handler = async ({ dsn }) => {
      const answer = await fetch("http://localhost:9000/envelope", { method: "POST", body: JSON.stringify({ dsn }) + "\\n" });
      return { status: answer.status, body: await answer.json() };
    };`,
  };
  await createFunction(client, "sentry", {
    code,
    Layers: [await layer("sentry", zip)],
    Environment: { Variables: { SENTRY_DSN: dsn } },
  });
  assert.deepEqual(await answerOf(client, "sentry", { dsn }), { status: 200, body: {} });
  const other = { dsn: "https://other@sentry.invalid/2" };
  assert.deepEqual(await answerOf(client, "sentry", other), { status: 403, body: { error: "DSN not allowed" } });
  const cloudWatch = new CloudWatchClient({ endpoint: server.endpoint, region: "us-east-1", credentials });
  const now = Date.now();
  const after = await cloudWatch.send(
    new GetMetricStatisticsCommand({
      Namespace: "AWS/Lambda",
      MetricName: "PostRuntimeExtensionsDuration",
      Dimensions: [{ Name: "FunctionName", Value: "sentry" }],
      StartTime: new Date(now - 600e3),
      EndTime: new Date(now + 60e3),
      Period: 3600,
      Statistics: ["SampleCount", "Maximum"],
    }),
  );
  cloudWatch.destroy();
  // The second one's end may be yet to come.
  assert.ok((after.Datapoints?.[0]?.SampleCount ?? 0) >= 1, JSON.stringify(after.Datapoints));
  await logged("sentry", /^EXTENSION\tName: sentry-extension\tState: Ready\tEvents: \[INVOKE, SHUTDOWN\]$/);
});

test("the Serverless Framework's: by the Logs API it hears of each invocation's report", async (t) => {
  if (server.driver !== "container") return t.skip("only containers have an /opt of their own");
  const zip = await otelExtension().catch((error: Error) => error);
  if (zip instanceof Error) return t.skip(`the package cannot be had: ${zip.message}`);
  const code = { "index.js": "exports.handler = async (event) => event;" };
  await createFunction(client, "otel", {
    code,
    Layers: [await layer("otel", readFileSync(zip))],
    MemorySize: 512,
    // What its own layer for the runtime would send is not waited for.
    Environment: { Variables: { DO_NOT_WAIT: "1", DEBUG_SLS_OTEL_LAYER: "1" } },
  });
  const first = await invoke(client, "otel", { n: 1 });
  assert.deepEqual(first.payload, { n: 1 });
  assert.match(first.log, /^REPORT RequestId/m, "the tail has the REPORT, which comes when the extension is done");
  assert.deepEqual(await answerOf(client, "otel", { n: 2 }), { n: 2 });
  await answerOf(client, "otel", { n: 3 });
  const report = `"type":"platform.report","record":{"requestId":"${first.requestId}","metrics":{"durationMs":`;
  const pattern = new RegExp(`^LOGS: {2}.*${report.replace(/[.{]/g, "\\$&")}`);
  const lines = await logged("otel", pattern);
  assert.ok(lines.includes("LOGS\tName: otel-extension\tState: Subscribed\tTypes: [Platform]"), lines.join("\n"));
  assert.ok(lines.includes("Processing event:  INVOKE"));
  await client.send(new DeleteFunctionCommand({ FunctionName: "otel" }));
  await logged("otel", /^Processing event: {2}SHUTDOWN$/);
});

test("lambda-sigterm, an internal one: the function hears of its end", async (t) => {
  const folder = await pythonModules("lambda-sigterm", ["lambda-sigterm==0.1.2", "urllib3==2.5.0"]).catch(
    (error: Error) => error,
  );
  if (folder instanceof Error) return t.skip(`the package cannot be had: ${folder.message}`);
  const info = (await (await fetch(`${server.endpoint}/_thaw/info`)).json()) as {
    runtimes: { name: string; state: string }[];
  };
  const python = info.runtimes.find(({ name, state }) => name.startsWith("python") && state === "ready");
  if (python === undefined) return t.skip("no Python runtime is ready on this machine");
  const files: Record<string, string | Buffer> = {
    "index.py": `
import signal, sys
import lambda_sigterm

def terminated(number, frame):
    print("terminated by", number, flush=True)
    sys.exit(0)

signal.signal(signal.SIGTERM, terminated)
lambda_sigterm.register()

def handler(event, context):
    return "served"
`,
  };
  const { glob } = await import("node:fs/promises");
  for await (const name of glob("{lambda_sigterm,urllib3}/**/*.py", { cwd: folder })) {
    files[name] = readFileSync(join(folder, name));
  }
  const options = { code: files, Runtime: python.name as "python3.13", Environment: { Variables: { ROUND: "1" } } };
  await createFunction(client, "sigterm", options);
  assert.equal(await answerOf(client, "sigterm"), "served");
  // Another configuration: environments of before go.
  const changed = { FunctionName: "sigterm", Environment: { Variables: { ROUND: "2" } } };
  await client.send(new UpdateFunctionConfigurationCommand(changed));
  await updated(client, "sigterm");
  const lines = await logged("sigterm", /terminated by 15/);
  assert.ok(lines.includes("EXTENSION\tName: lambda-sigterm\tState: Ready\tEvents: []"), lines.join("\n"));
});

test("an image's own extension is started, with the image's root around it", async (t) => {
  if (noBusybox !== undefined || server.driver !== "container")
    return t.skip(noBusybox ?? "only containers have a root");
  const extension = `#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
wget -q -S -O /tmp/out --header "Lambda-Extension-Name: watch" --post-data '{"events":["INVOKE"]}' "$api/register" 2>/tmp/head2
id=$(sed -n 's/^ *[Ll]ambda-[Ee]xtension-[Ii]dentifier: *//p' /tmp/head2 | tr -d '\\r')
echo "registered with greeting $GREETING: $(cat /tmp/out)"
while true; do wget -q -O /tmp/heard --header "Lambda-Extension-Identifier: $id" "$api/event/next"; echo "heard $(cat /tmp/heard)"; done
`;
  const image = await buildImage({
    layers: [...shellLayers(), [["opt/extensions/watch", extension, { mode: 0o755 }]]],
    docker: false,
    config: { Env: ["GREETING=hello", "PATH=/bin"], Entrypoint: ["/srv/bootstrap"], Cmd: [], WorkingDir: "/srv" },
  });
  writeLayout(join(images, "layout"), image, "v1");
  await client.send(
    new CreateFunctionCommand({
      FunctionName: "image",
      Role: role,
      PackageType: "Image",
      Code: { ImageUri: `oci:${images}/layout:v1` },
      Timeout: 20,
    }),
  );
  await active(client, "image");
  assert.equal((await answerOf(client, "image", { n: 1 })).event.n, 1);
  const lines = await logged("image", /^heard .*"eventType":"INVOKE"/);
  assert.ok(
    lines.some((line) => line.startsWith('registered with greeting hello: {"functionName":"image"')),
    lines.join("\n"),
  );
});
