import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as passed } from "node:timers/promises";
import {
  InvokeCommand,
  InvokeWithResponseStreamCommand,
  type LambdaClient,
  PutFunctionConcurrencyCommand,
} from "@aws-sdk/client-lambda";
import { answerOf, createFunction, invoke, lambdaOf, wasCold } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** Callers who hang up. */
let server: Server;
let client: LambdaClient;

before(async () => {
  server = await startServer();
  client = lambdaOf(server);
});
after(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
});

/** Asks again while the only place is taken. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if ((error as Error).name !== "TooManyRequestsException" || Date.now() > deadline) throw error;
      await passed(20);
    }
  }
}

const reserveOne = (FunctionName: string) =>
  client.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 1 }));

test("a caller who hangs up costs the function nothing: it finishes, and the next caller meets the same environment", async () => {
  await createFunction(client, "left", {
    code: {
      "index.js": `
        let finished = 0;
        exports.handler = async ({ ms = 0 }) => { await new Promise((go) => setTimeout(go, ms)); return ++finished; };`,
    },
  });
  assert.equal(await answerOf(client, "left"), 1);
  await reserveOne("left");
  const hangUp = new AbortController();
  const command = new InvokeCommand({ FunctionName: "left", Payload: JSON.stringify({ ms: 500 }) });
  const lost = client.send(command, { abortSignal: hangUp.signal });
  setTimeout(() => hangUp.abort(), 150);
  await assert.rejects(lost, { name: "AbortError" });
  // It still runs: its place is taken.
  await assert.rejects(invoke(client, "left"), { name: "TooManyRequestsException" });
  const next = await retried(() => invoke(client, "left"));
  assert.deepEqual([next.payload, wasCold(next.log)], [3, false]);
});

test("a reader who hangs up in the middle of a stream leaves a function that serves the next", async () => {
  await createFunction(client, "poured", {
    code: {
      "index.js": `
        exports.handler = awslambda.streamifyResponse(async ({ parts = 1 }, stream) => {
          for (let n = 0; n < parts; n++) {
            if (!stream.write("x".repeat(65536))) await new Promise((go) => stream.once("drain", go));
          }
          stream.end();
        });`,
    },
  });
  await reserveOne("poured");
  const hangUp = new AbortController();
  // 60 MB: far more than sockets on the way can hold.
  const command = new InvokeWithResponseStreamCommand({
    FunctionName: "poured",
    Payload: JSON.stringify({ parts: 960 }),
  });
  const { EventStream } = await client.send(command, { abortSignal: hangUp.signal });
  await assert.rejects(async () => {
    for await (const each of EventStream!) if (each.PayloadChunk) hangUp.abort();
  });
  const { EventStream: second } = await retried(() =>
    client.send(new InvokeWithResponseStreamCommand({ FunctionName: "poured", Payload: JSON.stringify({ parts: 2 }) })),
  );
  let bytes = 0;
  for await (const each of second!) bytes += each.PayloadChunk?.Payload?.length ?? 0;
  assert.equal(bytes, 131072);
});
