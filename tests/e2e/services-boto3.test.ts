import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pythonWithBoto3, runClient } from "./clients.ts";
import { startServer } from "./server.ts";

/** The services around Lambda, as boto3 speaks to them. */
for (const [name, script, lines, args] of [
  ["S3", "boto3_s3.py", ["virtual host", "parts", "checksums", "presigned", "form"], ["by-boto3"]],
  ["SQS and SNS", "boto3_messages.py", ["sqs", "fifo", "sns"], []],
  ["KMS, secrets, parameters and logs", "boto3_services.py", ["kms", "secrets", "parameters", "logs"], []],
] as const) {
  test(`boto3 works with ${name}`, async (t) => {
    const python = await pythonWithBoto3().catch((error: Error) => error);
    if (python instanceof Error) return t.skip(`no Python with boto3: ${python.message}`);
    await using server = await startServer();
    const path = join(import.meta.dirname, "fixtures", script);
    const { code, stdout, stderr } = await runClient(python.program, [path, ...args], { ...server.env, ...python.env });
    assert.equal(code, 0, stderr);
    assert.deepEqual(stdout.trim().split("\n"), lines);
  });
}
