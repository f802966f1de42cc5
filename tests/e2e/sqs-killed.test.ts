import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { CreateEventSourceMappingCommand } from "@aws-sdk/client-lambda";
import { CreateQueueCommand, SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";
import { startRecorder, tell, until } from "./streams.ts";

/** How often the platform is killed: THAW_TEST_KILLS, or twice. */
const kills = Number(process.env.THAW_TEST_KILLS ?? 2);
const groups = ["a", "b", "c"];
const code = {
  "index.js": `${tell}
    exports.handler = async ({ Records }) => tell(Records.map(({ body, eventSourceARN }) => [eventSourceARN.split(":")[5], body]));`,
};

test("no message that was sent is lost, and groups keep their order, however often the platform is killed", async (context) => {
  const dataDir = mkdtempSync(join(tmpdir(), "thaw-sqs-"));
  await using recorder = await startRecorder();
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const start = () => startServer({ dataDir, env: { ...recorder.env, THAW_UPSTREAM: "" } });
  let server: Server = await start();
  let sqs: SQSClient;
  const connect = () => {
    sqs = new SQSClient({ endpoint: server.endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
  };
  connect();
  const urlOf = (name: string) => `${server.endpoint}/000000000000/${name}`;
  /** bodies that were acknowledged */
  const accepted: string[] = [];
  let next = 0;
  let killing = false;
  const refusals: string[] = [];

  /** Sends until the platform is gone. Who gets no answer does not know: such a message may be there or not. */
  async function load(name: string): Promise<void> {
    while (true) {
      const number = next++;
      const bodies = groups.map((group) => `${name} ${group} ${number}`);
      const Entries = bodies.map((MessageBody, index) => ({
        Id: `${index}`,
        MessageBody,
        ...(name.endsWith(".fifo") ? { MessageGroupId: groups[index]! } : {}),
      }));
      try {
        const { Successful } = await sqs.send(new SendMessageBatchCommand({ QueueUrl: urlOf(name), Entries }));
        accepted.push(...(Successful ?? []).map(({ Id }) => bodies[Number(Id)]!));
      } catch (error) {
        if (killing) return;
        refusals.push(String(error));
      }
      await pause(2);
    }
  }

  try {
    const lambda = lambdaOf(server);
    await createFunction(lambda, "f", { code, MemorySize: 128, Timeout: 2 });
    for (const QueueName of ["plain", "ordered.fifo"]) {
      const Attributes = { VisibilityTimeout: "2" };
      const fifo = { FifoQueue: "true", ContentBasedDeduplication: "true" };
      const ordered = QueueName.endsWith(".fifo");
      await sqs!.send(new CreateQueueCommand({ QueueName, Attributes: { ...Attributes, ...(ordered ? fifo : {}) } }));
      const EventSourceArn = `arn:aws:sqs:us-east-1:000000000000:${QueueName}`;
      await lambda.send(new CreateEventSourceMappingCommand({ FunctionName: "f", EventSourceArn }));
    }
    lambda.destroy();
    for (let round = 0; round < kills; round += 1) {
      const senders = ["plain", "plain", "ordered.fifo"].map(load);
      const enough = accepted.length + 60;
      await until(
        () => accepted.length > enough,
        () => refusals,
      );
      await pause(Math.random() * 500);
      killing = true;
      await server.kill();
      await Promise.all(senders);
      sqs!.destroy();
      server = await start();
      connect();
      killing = false;
    }
    const seen = () => new Set(recorder.seen.flat().map(([, body]) => body as string));
    const missing = () => {
      const known = seen();
      return accepted.filter((body) => !known.has(body));
    };
    await until(
      () => missing().length === 0,
      () => missing().slice(0, 5),
      60,
    );
    for (const group of groups) {
      const order = [...seen()].flatMap((body) => {
        const [name, of, number] = body.split(" ");
        return name === "ordered.fifo" && of === group ? [Number(number)] : [];
      });
      assert.deepEqual(
        order,
        order.toSorted((one, other) => one - other),
        `group ${group}`,
      );
    }
    const times = recorder.seen.flat().length;
    context.diagnostic(`${accepted.length} accepted, ${kills} kills, ${times - seen().size} came again`);
  } finally {
    sqs!.destroy();
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
});
