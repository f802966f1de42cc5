import assert from "node:assert/strict";
import { test } from "node:test";
import { CreateTableCommand, DeleteItemCommand, DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { CreateEventSourceMappingCommand } from "@aws-sdk/client-lambda";
import { createFunction, lambdaOf } from "./lambda.ts";
import { startServer } from "./server.ts";
import { type StreamServer, startDynamoDbLocal, startMoto, startRecorder, tell, until } from "./streams.ts";

const code = {
  "index.js": `${tell}
    exports.handler = async (event) => {
      await tell({ function: process.env.AWS_LAMBDA_FUNCTION_NAME, event });
      return { state: { records: (event.state?.records ?? 0) + event.Records.length } };
    };`,
};

const slow = process.env.THAW_TEST_SLOW === "1" ? false : "THAW_TEST_SLOW=1 runs it";

for (const { name, start, skip } of [
  { name: "DynamoDB Local", start: startDynamoDbLocal, skip: slow },
  { name: "moto", start: startMoto, skip: slow },
]) {
  test(`changes of items of ${name} reach functions, in order and as documented`, { skip }, async (t) => {
    let source: StreamServer;
    try {
      source = await start();
    } catch (error) {
      return t.skip(`no ${name}: ${(error as Error).message}`);
    }
    await using _source = source;
    await using recorder = await startRecorder();
    // DynamoDB Local keeps apart what each key makes.
    const keys = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };
    await using server = await startServer({ env: { ...recorder.env, ...keys, THAW_UPSTREAM_DYNAMODB: source.url } });
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    const dynamodb = new DynamoDBClient({ endpoint: source.url, region: "us-east-1", credentials });
    const lambda = lambdaOf(server);
    t.after(() => {
      dynamodb.destroy();
      lambda.destroy();
    });
    const eventsOf = (function_: string) =>
      recorder.seen.filter((one) => one.function === function_).map(({ event }) => event);
    const recordsOf = (function_: string) => eventsOf(function_).flatMap(({ Records }) => Records);

    const { TableDescription } = await dynamodb.send(
      new CreateTableCommand({
        TableName: "orders",
        KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
        BillingMode: "PAY_PER_REQUEST",
        StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
      }),
    );
    const EventSourceArn = TableDescription!.LatestStreamArn!;
    const put = (id: string, n: number) =>
      dynamodb.send(new PutItemCommand({ TableName: "orders", Item: { id: { S: id }, n: { N: String(n) } } }));
    const items = ["a", "b", "c"];
    for (let n = 0; n < 30; n++) await put(items[n % 3]!, n);
    await dynamodb.send(new DeleteItemCommand({ TableName: "orders", Key: { id: { S: "a" } } }));

    const lambdas = ["plain", "filtered", "windowed"];
    for (const one of lambdas) await createFunction(lambda, one, { code });
    const mapped = { EventSourceArn, StartingPosition: "TRIM_HORIZON" } as const;
    await lambda.send(
      new CreateEventSourceMappingCommand({
        ...mapped,
        FunctionName: "plain",
        ParallelizationFactor: 3,
        BatchSize: 4,
      }),
    );
    const Filters = [{ Pattern: '{"eventName":["REMOVE"],"dynamodb":{"Keys":{"id":{"S":["a"]}}}}' }];
    await lambda.send(
      new CreateEventSourceMappingCommand({ ...mapped, FunctionName: "filtered", FilterCriteria: { Filters } }),
    );
    await lambda.send(
      new CreateEventSourceMappingCommand({ ...mapped, FunctionName: "windowed", TumblingWindowInSeconds: 2 }),
    );
    await until(
      () => recordsOf("plain").length >= 31,
      () => recordsOf("plain").length,
    );
    for (const [index, key] of items.entries()) {
      const changes = recordsOf("plain").filter(({ dynamodb: change }) => change.Keys.id.S === key);
      const numbers = changes.flatMap(({ dynamodb: change }) => change.NewImage?.n.N ?? []).map(Number);
      assert.deepEqual(
        numbers,
        Array.from({ length: 10 }, (_, turn) => turn * 3 + index),
      );
    }
    await until(() => recordsOf("filtered").length > 0);
    const [removed] = recordsOf("filtered");
    assert.deepEqual(recordsOf("filtered").length, 1);
    assert.deepEqual(Object.keys(removed), [
      "eventID",
      "eventName",
      "eventVersion",
      "eventSource",
      "awsRegion",
      "dynamodb",
      "eventSourceARN",
    ]);
    assert.deepEqual(removed.dynamodb.OldImage, { id: { S: "a" }, n: { N: "27" } });
    assert.equal(removed.eventSourceARN, EventSourceArn);

    // Every record is in one window, and the last invocation of each knows how many there were.
    const finals = () => eventsOf("windowed").filter(({ isFinalInvokeForWindow }) => isFinalInvokeForWindow);
    const counted = () => finals().reduce((sum, { state }) => sum + state.records, 0);
    await until(
      () => counted() === 31,
      () => eventsOf("windowed").map(({ state, window }) => [window, state]),
    );
  });
}
