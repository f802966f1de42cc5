import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pythonWithBoto3, runClient } from "./clients.ts";
import { startServer } from "./server.ts";

test("boto3 takes a function through its whole life", async (t) => {
  const python = await pythonWithBoto3().catch((error: Error) => error);
  if (python instanceof Error) return t.skip(`no Python with boto3: ${python.message}`);
  await using server = await startServer();
  const script = join(import.meta.dirname, "fixtures", "boto3_client.py");
  const { code, stdout, stderr } = await runClient(python.program, [script, "by-boto3"], {
    ...server.env,
    ...python.env,
  });
  assert.equal(code, 0, stderr);
  assert.deepEqual(stdout.trim().split("\n"), [
    "000000000000",
    "invoked",
    "failed as it should",
    "updated",
    "published",
    "throttled",
    "done",
  ]);
});

test("boto3 configures what stands beside a function's versions", async (t) => {
  const python = await pythonWithBoto3().catch((error: Error) => error);
  if (python instanceof Error) return t.skip(`no Python with boto3: ${python.message}`);
  await using server = await startServer();
  const script = join(import.meta.dirname, "fixtures", "boto3_configs.py");
  const { code, stdout, stderr } = await runClient(python.program, [script, "configured"], {
    ...server.env,
    ...python.env,
  });
  assert.equal(code, 0, stderr);
  assert.deepEqual(stdout.trim().split("\n"), ["event invoke", "url", "mappings", "recursion, runtime", "done"]);
});
