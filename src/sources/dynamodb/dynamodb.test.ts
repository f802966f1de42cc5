import { after, before } from "node:test";
import { CreateTableCommand, DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { type StreamServer, startMoto } from "../../../tests/e2e/streams.ts";
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
