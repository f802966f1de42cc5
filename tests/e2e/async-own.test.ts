import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { InvokeCommand, PutFunctionEventInvokeConfigCommand } from "@aws-sdk/client-lambda";
import { createFunction, lambdaOf } from "./lambda.ts";
import { startServer } from "./server.ts";

test("without an upstream a record of a failure becomes an object in a bucket of this platform", async () => {
  await using server = await startServer({ env: { THAW_UPSTREAM: "" } });
  const client = lambdaOf(server);
  const s3 = (path: string, method = "GET") =>
    fetch(`${server.endpoint}/${path}`, {
      method,
      headers: {
        authorization:
          "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
      },
    });
  try {
    assert.equal((await s3("evidence", "PUT")).status, 200);
    const code = { "index.js": `exports.handler = async () => { throw new Error("kept"); };` };
    await createFunction(client, "f", { code, MemorySize: 128 });
    const DestinationConfig = { OnFailure: { Destination: "arn:aws:s3:::evidence" } };
    const config = { FunctionName: "f", MaximumRetryAttempts: 0, DestinationConfig };
    await client.send(new PutFunctionEventInvokeConfigCommand(config));
    await client.send(new InvokeCommand({ FunctionName: "f", InvocationType: "Event", Payload: '{"a":1}' }));
    let key: string | undefined;
    for (let tries = 0; tries < 200 && key === undefined; tries += 1) {
      await pause(50);
      key = /<Key>(.*?)<\/Key>/.exec(await (await s3("evidence?list-type=2")).text())?.[1];
    }
    assert.match(key ?? "", /^aws\/lambda\/async\/f\//);
    const record = (await (await s3(`evidence/${key}`)).json()) as Record<string, Record<string, unknown>>;
    assert.deepEqual(record.requestPayload, { a: 1 });
    assert.equal(record.responsePayload?.errorMessage, "kept");
  } finally {
    client.destroy();
  }
});
