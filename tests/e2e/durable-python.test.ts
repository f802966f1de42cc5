import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Runtime } from "@aws-sdk/client-lambda";
import { durableSdkPython, runClient } from "./clients.ts";
import { sdkLayer } from "./durable.ts";
import { createFunction, lambdaOf } from "./lambda.ts";
import { startServer } from "./server.ts";

const fixture = (name: string): string => join(import.meta.dirname, "fixtures", name);

test("the official SDK for Python runs a durable function, and boto3 leads it to its end", async (t) => {
  await using server = await startServer();
  const info = (await (await fetch(`${server.endpoint}/_thaw/info`)).json()) as {
    runtimes: { name: string; state: string }[];
  };
  // The SDK asks for 3.11 or newer.
  const runtime = info.runtimes.find(({ name, state }) => /^python3\.1[1-9]$/.test(name) && state === "ready")?.name;
  if (runtime === undefined) return t.skip("no Python 3.11 or newer here");
  const sdk = await durableSdkPython();
  const client = lambdaOf(server);
  const layer = await sdkLayer(client, "durable", sdk);
  const code = { "app.py": readFileSync(fixture("durable.py")) };
  const common = { code, Runtime: runtime as Runtime, Layers: [layer], MemorySize: 512 };
  await createFunction(client, "durable", {
    ...common,
    Handler: "app.handler",
    DurableConfig: { ExecutionTimeout: 300, RetentionPeriodInDays: 3 },
  });
  await createFunction(client, "plain", { ...common, Handler: "app.plain" });
  client.destroy();
  const env = { ...server.env, PYTHONPATH: join(sdk, "python") };
  const args = [fixture("durable_client.py"), "durable:$LATEST", "plain"];
  const { code: exit, stdout, stderr } = await runClient("python3", args, env);
  assert.equal(exit, 0, stderr);
  assert.deepEqual(stdout.trim().split("\n"), ["paused", "kept", `[3, [1, 4, 9], "inner", 8, "yes"]`, "gone"]);
});
