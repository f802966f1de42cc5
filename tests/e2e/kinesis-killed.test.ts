import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import {
  CreateStreamCommand,
  DescribeStreamConsumerCommand,
  DescribeStreamSummaryCommand,
  KinesisClient,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  SplitShardCommand,
} from "@aws-sdk/client-kinesis";
import { CreateEventSourceMappingCommand, GetEventSourceMappingCommand } from "@aws-sdk/client-lambda";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { problemsOf } from "./killing.ts";
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";
import { startKinesis, startRecorder, tell, until } from "./streams.ts";

/** How often the platform is killed: THAW_TEST_KILLS, or a few times. */
const kills = Number(process.env.THAW_TEST_KILLS ?? 2);
const keys = Array.from({ length: 12 }, (_, index) => `k${index}`);

/**
 * Streams, and the functions that read them: one polls, one is pushed its records by enhanced fan-out. Only the first is split, for the
 * server does not tell consumers of enhanced fan-out of a shard's end.
 */
const streams = ["polled", "pushed"];
const code = {
  "index.js": `${tell}
    exports.handler = async (event) => {
      const records = event.Records.map(({ kinesis }) => [kinesis.partitionKey, Number(Buffer.from(kinesis.data, "base64"))]);
      await tell({ function: process.env.AWS_LAMBDA_FUNCTION_NAME, records });
    };`,
};

test("no record is lost and every key keeps its order, however often platform and stream are killed", async (context) => {
  const dataDir = mkdtempSync(join(tmpdir(), "thaw-streams-"));
  const kept = mkdtempSync(join(tmpdir(), "thaw-kinesis-"));
  await using recorder = await startRecorder();
  await using source = await startKinesis(kept);
  const start = () => startServer({ dataDir, env: { ...recorder.env, THAW_UPSTREAM_KINESIS: source.url } });
  const kinesis = new KinesisClient({
    endpoint: source.url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    requestHandler: new NodeHttpHandler(),
    maxAttempts: 1,
  });
  /** by stream and key: the numbers that were put, in the order in which the stream has them */
  const put = new Map(streams.map((name) => [name, new Map<string, number[]>(keys.map((key) => [key, []]))]));
  const count = (name: string) => [...put.get(name)!.values()].reduce((sum, { length }) => sum + length, 0);
  let next = 0;
  let producing = true;
  let held = Promise.resolve();
  /** requests on their way */
  let putting = 0;

  /** Has the server written what it took last? */
  const isKept = () => {
    const files = readdirSync(kept).map((name) => readFileSync(join(kept, name), "utf8"));
    return streams.every((name) => {
      const last = Math.max(...[...put.get(name)!.values()].flat());
      return files.some((text) => text.includes(`"${Buffer.from(String(last)).toString("base64")}"`));
    });
  };

  /** One request after the other: what was not accepted, or nobody knows of, gets another number. */
  const produce = async (StreamName: string) => {
    while (producing) {
      await held;
      const batch = keys.map((PartitionKey) => ({ PartitionKey, number: next++ }));
      const Records = batch.map(({ PartitionKey, number }) => ({ PartitionKey, Data: Buffer.from(String(number)) }));
      putting += 1;
      const answer = await kinesis.send(new PutRecordsCommand({ StreamName, Records })).catch(() => undefined);
      putting -= 1;
      for (const [index, { PartitionKey, number }] of batch.entries()) {
        if (answer?.Records?.[index]?.SequenceNumber !== undefined)
          put.get(StreamName)!.get(PartitionKey)!.push(number);
      }
      await pause(20);
    }
  };

  let server: Server | undefined;
  /** What a function got: everything, and every key in its order. */
  const lookAt = async (name: string) => {
    const times = new Map<number, number>();
    const first = new Map<string, number[]>(keys.map((key) => [key, []]));
    let looked = 0;
    const look = () => {
      for (; looked < recorder.seen.length; looked += 1) {
        if (recorder.seen[looked].function !== name) continue;
        for (const [key, number] of recorder.seen[looked].records as [string, number][]) {
          if (number < 0) continue;
          if (!times.has(number)) first.get(key)!.push(number);
          times.set(number, (times.get(number) ?? 0) + 1);
        }
      }
    };
    const missing = () => {
      look();
      return [...put.get(name)!.values()].flat().filter((number) => !times.has(number));
    };
    await until(
      () => missing().length === 0,
      async () => [name, missing().slice(0, 20), server === undefined ? [] : await problemsOf(server)],
    );
    for (const [key, numbers] of put.get(name)!) {
      const seen = first.get(key)!.filter((number) => numbers.includes(number));
      assert.deepEqual(seen, numbers, `${name} ${key}`);
    }
    const twice = [...times.values()].filter((one) => one > 1).length;
    context.diagnostic(`${name}: ${count(name)} accepted, ${kills} kills, none lost, ${twice} came more than once`);
    // What was running at a kill, and nothing else, runs again.
    const lanes = 3 * 3;
    assert.ok(twice <= kills * lanes * 20, `${name}: ${twice} of ${count(name)} came more than once`);
  };

  try {
    server = await start();
    const lambda = lambdaOf(server);
    for (const name of streams) {
      await kinesis.send(new CreateStreamCommand({ StreamName: name, ShardCount: 2 }));
      const summary = async () => {
        const answer = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: name }));
        return answer.StreamDescriptionSummary!;
      };
      await until(async () => (await summary()).StreamStatus === "ACTIVE");
      const StreamARN = (await summary()).StreamARN!;
      await createFunction(lambda, name, { code, MemorySize: 128 });
      const { UUID } = await lambda.send(
        new CreateEventSourceMappingCommand({
          FunctionName: name,
          EventSourceArn: name === "pushed" ? await consumerOf(kinesis, StreamARN) : StreamARN,
          StartingPosition: "LATEST",
          ParallelizationFactor: 3,
          BatchSize: 20,
        }),
      );
      await until(async () => (await lambda.send(new GetEventSourceMappingCommand({ UUID }))).State === "Enabled");
    }
    lambda.destroy();
    // Nobody says when LATEST is: what comes of the records before counts for nothing.
    const isRead = () => streams.every((name) => recorder.seen.some((one) => one.function === name));
    while (!isRead()) {
      const Records = keys.map((PartitionKey) => ({ PartitionKey, Data: Buffer.from("-1") }));
      for (const StreamName of streams) await kinesis.send(new PutRecordsCommand({ StreamName, Records }));
      await pause(200);
    }
    const producers = streams.map(produce);
    for (let round = 0; round < kills; round += 1) {
      await until(() => streams.every((name) => count(name) > (round + 1) * 60));
      await pause(Math.random() * 1000);
      await server.kill();
      if (round === 0) {
        // A shard is split while nobody reads.
        const half = "85070591730234615865843651857942052864";
        const split = { StreamName: "polled", ShardToSplit: "shardId-000000000000", NewStartingHashKey: half };
        await kinesis.send(new SplitShardCommand(split));
      }
      server = await start();
      if (round % 10 === 1) {
        const going = Promise.withResolvers<void>();
        held = going.promise;
        await until(() => putting === 0);
        await until(isKept);
        await source.restart();
        going.resolve();
      }
    }
    producing = false;
    await Promise.all(producers);
    for (const name of streams) await lookAt(name);
  } finally {
    producing = false;
    kinesis.destroy();
    await server?.stop();
    for (const folder of [dataDir, kept]) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});

/** The ARN of a consumer of enhanced fan-out, made and active. */
async function consumerOf(kinesis: KinesisClient, StreamARN: string): Promise<string> {
  const { Consumer } = await kinesis.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: "c" }));
  const { ConsumerARN } = Consumer!;
  const status = async () =>
    (await kinesis.send(new DescribeStreamConsumerCommand({ ConsumerARN }))).ConsumerDescription;
  await until(async () => (await status())?.ConsumerStatus === "ACTIVE");
  return ConsumerARN!;
}
