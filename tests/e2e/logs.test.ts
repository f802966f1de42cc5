import assert from "node:assert/strict";
import { buffer } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { CreateFunctionCommand, InvokeCommand, LambdaClient, waitUntilFunctionActiveV2 } from "@aws-sdk/client-lambda";
import { ZipFile } from "yazl";
import { type Server, startServer } from "./server.ts";

let server: Server;
let client: LambdaClient;
before(async () => {
  server = await startServer();
  client = new LambdaClient({
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
});
after(() => server[Symbol.asyncDispose]());

test("the log of a function is found in the group it was given", async () => {
  const zip = new ZipFile();
  zip.addBuffer(Buffer.from('exports.handler = async () => console.log("said once");'), "index.js");
  zip.end();
  await client.send(
    new CreateFunctionCommand({
      FunctionName: "grouped",
      Runtime: "nodejs24.x",
      Handler: "index.handler",
      Role: "arn:aws:iam::000000000000:role/any",
      Code: { ZipFile: await buffer(zip.outputStream as never) },
      LoggingConfig: { LogGroup: "/my/own/group" },
    }),
  );
  await waitUntilFunctionActiveV2({ client, maxWaitTime: 60 }, { FunctionName: "grouped" });
  await client.send(new InvokeCommand({ FunctionName: "grouped" }));

  const response = await fetch(`${server.endpoint}/_thaw/logs?function=grouped`);
  const lines = (await response.text())
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { message: string });
  assert.equal(lines.filter(({ message }) => message.includes("said once")).length, 1);
  assert.ok(lines.some(({ message }) => message.startsWith("REPORT RequestId: ")));
});
