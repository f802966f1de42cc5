import { after, before } from "node:test";
import {
  type AttributeValue,
  BatchWriteItemCommand,
  CreateTableCommand,
  DynamoDBClient,
  PutItemCommand,
} from "@aws-sdk/client-dynamodb";
import { type StreamServer, startMoto } from "../../../tests/e2e/streams.ts";
import { malformedContract } from "../malformed.contract.ts";
import { sourceContract } from "../source.contract.ts";
import { dynamodb } from "./index.ts";

const credentials = { accessKeyId: "test", secretAccessKey: "test" };
let server: StreamServer;
let client: DynamoDBClient;
let count = 0;

/** Streams of moto's tables. */
if (process.env.THAW_TEST_SLOW === "1") {
  before(async () => {
    server = await startMoto();
    client = new DynamoDBClient({ endpoint: server.url, region: "us-east-1", credentials });
  });
  after(async () => {
    client?.destroy();
    await server?.[Symbol.asyncDispose]();
  });

  malformedContract("dynamodb", async () => {
    count += 1;
    const TableName = `t${count}`;
    const { TableDescription } = await client.send(
      new CreateTableCommand({
        TableName,
        KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
        BillingMode: "PAY_PER_REQUEST",
        StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" },
      }),
    );
    return {
      kind: "dynamodb",
      source: dynamodb,
      settings: {
        EventSourceArn: TableDescription!.LatestStreamArn!,
        StartingPosition: "TRIM_HORIZON",
        MaximumRetryAttempts: 2,
        BisectBatchOnFunctionError: true,
      },
      place: { url: server.url, credentials },
      send: async () => {},
      bodyOf: (record) => (record as { dynamodb: { NewImage: { b: { B: string } } } }).dynamodb.NewImage.b.B,
      keyOf: (body) => body.toString("base64"),
      dataField: "dynamodb",
      async sendAll(bodies) {
        for (let from = 0; from < bodies.length; from += 25) {
          const puts = bodies.slice(from, from + 25).map((B, index) => {
            const deep = Array.from({ length: 20 }).reduce<AttributeValue>((inner) => ({ M: { "\u2028": inner } }), {
              NULL: true,
            });
            const Item = { id: { S: `\u2029${from + index}` }, b: { B }, n: { N: "1E+100" }, deep, none: { S: "" } };
            return { PutRequest: { Item } };
          });
          await client.send(new BatchWriteItemCommand({ RequestItems: { [TableName]: puts } }));
        }
        return bodies;
      },
    };
  });

  sourceContract("dynamodb", async () => {
    count += 1;
    const TableName = `t${count}`;
    const { TableDescription } = await client.send(
      new CreateTableCommand({
        TableName,
        KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
        BillingMode: "PAY_PER_REQUEST",
        StreamSpecification: { StreamEnabled: true, StreamViewType: "KEYS_ONLY" },
      }),
    );
    return {
      kind: "dynamodb",
      source: dynamodb,
      settings: { EventSourceArn: TableDescription!.LatestStreamArn!, StartingPosition: "TRIM_HORIZON" },
      place: { url: server.url, credentials },
      async send(body) {
        await client.send(new PutItemCommand({ TableName, Item: { id: { S: body } } }));
      },
      bodyOf: (record) => (record as { dynamodb: { Keys: { id: { S: string } } } }).dynamodb.Keys.id.S,
    };
  });
}
