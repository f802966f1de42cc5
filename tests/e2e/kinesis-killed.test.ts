import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  KinesisClient,
  PutRecordsCommand,
  SplitShardCommand,
} from "@aws-sdk/client-kinesis";
import { CreateEventSourceMappingCommand, GetEventSourceMappingCommand } from "@aws-sdk/client-lambda";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";
import { startKinesis, startRecorder, tell, until } from "./streams.ts";

/** How often the platform is killed: THAW_TEST_KILLS, or a few times. */
const kills = Number(process.env.THAW_TEST_KILLS ?? 2);
const keys = Array.from({ length: 12 }, (_, index) => `k${index}`);

const code = {
  "index.js": `${tell}
    exports.handler = async (event) => {
      const records = event.Records.map(({ kinesis }) => [kinesis.partitionKey, Number(Buffer.from(kinesis.data, "base64"))]);
      await tell({ records });
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
  const StreamName = "killed";
  /** by key: the numbers that were put, in the order in which the stream has them */
  const put = new Map<string, number[]>(keys.map((key) => [key, []]));
  const count = () => [...put.values()].reduce((sum, { length }) => sum + length, 0);
  let next = 0;
  let producing = true;
  let held = Promise.resolve();

  /** One request after the other: what was not accepted, or nobody knows of, gets another number. */
  const produce = async () => {
    while (producing) {
      await held;
      const batch = keys.map((PartitionKey) => ({ PartitionKey, number: next++ }));
      const Records = batch.map(({ PartitionKey, number }) => ({ PartitionKey, Data: Buffer.from(String(number)) }));
      const answer = await kinesis.send(new PutRecordsCommand({ StreamName, Records })).catch(() => undefined);
      for (const [index, { PartitionKey, number }] of batch.entries()) {
        if (answer?.Records?.[index]?.SequenceNumber !== undefined) put.get(PartitionKey)!.push(number);
      }
      await pause(20);
    }
  };

  let server: Server | undefined;
  try {
    await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 2 }));
    const summary = async () => {
      const answer = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName }));
      return answer.StreamDescriptionSummary!;
    };
    await until(async () => (await summary()).StreamStatus === "ACTIVE");
    server = await start();
    const lambda = lambdaOf(server);
    await createFunction(lambda, "f", { code, MemorySize: 128 });
    const { UUID } = await lambda.send(
      new CreateEventSourceMappingCommand({
        FunctionName: "f",
        EventSourceArn: (await summary()).StreamARN!,
        StartingPosition: "LATEST",
        ParallelizationFactor: 3,
        BatchSize: 20,
      }),
    );
    await until(
      async () => (await lambda.send(new GetEventSourceMappingCommand({ UUID }))).State === "Enabled",
      undefined,
    );
    lambda.destroy();
    // Nobody says when LATEST is: what comes of the records before counts for nothing.
    const isRead = () => recorder.seen.length > 0;
    while (!isRead()) {
      await kinesis.send(
        new PutRecordsCommand({
          StreamName,
          Records: keys.map((PartitionKey) => ({ PartitionKey, Data: Buffer.from("-1") })),
        }),
      );
      await pause(200);
    }
    const producer = produce();
    for (let round = 0; round < kills; round += 1) {
      await until(() => count() > (round + 1) * 60);
      await pause(Math.random() * 1000);
      await server.kill();
      if (round === 0) {
        // A shard is split while nobody reads.
        const half = "85070591730234615865843651857942052864";
        const split = { StreamName, ShardToSplit: "shardId-000000000000", NewStartingHashKey: half };
        await kinesis.send(new SplitShardCommand(split));
      }
      server = await start();
      if (round % 10 === 1) {
        // What it has is on its disk when nothing was put for a moment.
        const going = Promise.withResolvers<void>();
        held = going.promise;
        await pause(1500);
        await source.restart();
        going.resolve();
      }
    }
    producing = false;
    await producer;
    const times = new Map<number, number>();
    const first = new Map<string, number[]>(keys.map((key) => [key, []]));
    let looked = 0;
    const look = () => {
      for (; looked < recorder.seen.length; looked += 1) {
        for (const [key, number] of recorder.seen[looked].records as [string, number][]) {
          if (number < 0) continue;
          if (!times.has(number)) first.get(key)!.push(number);
          times.set(number, (times.get(number) ?? 0) + 1);
        }
      }
    };
    const missing = () => {
      look();
      return [...put.values()].flat().filter((number) => !times.has(number));
    };
    await until(
      () => missing().length === 0,
      () => missing().slice(0, 20),
    );
    for (const [key, numbers] of put) {
      const seen = first.get(key)!.filter((number) => numbers.includes(number));
      assert.deepEqual(seen, numbers, key);
    }
    const twice = [...times.values()].filter((one) => one > 1).length;
    context.diagnostic(`${count()} accepted, ${kills} kills, ${twice} came more than once`);
    // What was running at a kill, and nothing else, runs again.
    const lanes = 3 * 3;
    assert.ok(twice <= kills * lanes * 20, `${twice} of ${count()} came more than once`);
  } finally {
    producing = false;
    kinesis.destroy();
    await server?.stop();
    for (const folder of [dataDir, kept]) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});
