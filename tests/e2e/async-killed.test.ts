import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { InvokeCommand, type LambdaClient, PutFunctionEventInvokeConfigCommand } from "@aws-sdk/client-lambda";
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** How often the platform is killed: THAW_TEST_KILLS, or a few times. */
const kills = Number(process.env.THAW_TEST_KILLS ?? 4);
const clients = 8;

/** Numbers that a destination was told of, and how often. */
async function recorder() {
  const seen = new Map<number, number>();
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      const { requestPayload } = JSON.parse(JSON.parse(body).MessageBody);
      seen.set(requestPayload.number, (seen.get(requestPayload.number) ?? 0) + 1);
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { seen, url, close: () => server.close() };
}

test("no accepted event is lost, however often the platform is killed under load", async (context) => {
  const dataDir = mkdtempSync(join(tmpdir(), "thaw-async-"));
  const records = await recorder();
  const start = () => startServer({ dataDir, env: { THAW_UPSTREAM: records.url } });
  const accepted: number[] = [];
  let next = 0;
  let server: Server | undefined;
  let client: LambdaClient | undefined;

  /** Sends events until the platform is gone. Who gets no answer does not know: such an event may run or not. */
  const load = async (lambda: LambdaClient) => {
    while (true) {
      const number = next++;
      const Payload = JSON.stringify({ number });
      try {
        await lambda.send(new InvokeCommand({ FunctionName: "f", InvocationType: "Event", Payload }));
      } catch {
        return;
      }
      accepted.push(number);
    }
  };

  try {
    server = await start();
    client = lambdaOf(server);
    const code = { "index.js": "exports.handler = async ({ number }) => number;" };
    await createFunction(client, "f", { code, MemorySize: 128 });
    const OnSuccess = { Destination: "arn:aws:sqs:us-east-1:000000000000:numbers" };
    await client.send(new PutFunctionEventInvokeConfigCommand({ FunctionName: "f", DestinationConfig: { OnSuccess } }));
    for (let round = 0; round < kills; round += 1) {
      const senders = Array.from({ length: clients }, () => load(client!));
      await pause(300 + Math.random() * 1200);
      await server.kill();
      await Promise.all(senders);
      client.destroy();
      server = await start();
      client = lambdaOf(server);
    }
    const missing = () => accepted.filter((number) => !records.seen.has(number));
    for (let tries = 0; tries < 600 && missing().length > 0; tries += 1) await pause(50);
    assert.deepEqual(missing(), []);
    assert.ok(accepted.length > kills * 10, `only ${accepted.length} events were accepted`);
    const twice = [...records.seen.values()].filter((times) => times > 1).length;
    context.diagnostic(`${accepted.length} accepted, ${kills} kills, ${twice} came more than once`);
    // What was running or being delivered at a kill, and nothing else, runs again.
    assert.ok(twice < accepted.length / 2, `${twice} of ${accepted.length} came more than once`);
  } finally {
    client?.destroy();
    await server?.stop();
    records.close();
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
});
