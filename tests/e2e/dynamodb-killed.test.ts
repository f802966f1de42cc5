import { test } from "node:test";
import { CreateTableCommand, DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { CreateEventSourceMappingCommand } from "@aws-sdk/client-lambda";
import { killsOr, type Sender, surviveKills, telling } from "./killing.ts";
import { createFunction, lambdaOf } from "./lambda.ts";
import { startDynamoDbLocal } from "./streams.ts";

const code = telling(`({ Records }) => Records.map(({ dynamodb: { NewImage } }) => NewImage.name.S)`);
const skip = process.env.THAW_TEST_SLOW === "1" ? false : "takes a minute: THAW_TEST_SLOW=1";
const TableName = "orders";

test("no change of a table is lost and items keep their order, however often the platform is killed", {
  skip,
}, async (context) => {
  const started = await startDynamoDbLocal().catch((error: Error) => error);
  if (started instanceof Error) return context.skip(started.message);
  await using source = started;
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const settings = { endpoint: source.url, region: "us-east-1", credentials, maxAttempts: 1 };
  const dynamodb = new DynamoDBClient(settings);
  const { TableDescription } = await dynamodb.send(
    new CreateTableCommand({
      TableName,
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      BillingMode: "PAY_PER_REQUEST",
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" },
    }),
  );
  const EventSourceArn = TableDescription!.LatestStreamArn!;
  const senderOf = (lane: string): Sender => ({
    async send(number) {
      const name = `dynamodb ${lane} ${number}`;
      await dynamodb.send(new PutItemCommand({ TableName, Item: { id: { S: lane }, name: { S: name } } }));
      return [name];
    },
  });
  const senders = ["a", "b", "c"].map(senderOf);
  try {
    await surviveKills(context, {
      kills: killsOr(3),
      // It keeps apart what each key makes.
      env: { THAW_UPSTREAM_DYNAMODB: source.url, AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" },
      async prepare(platform) {
        const lambda = lambdaOf(platform);
        await createFunction(lambda, "f", { code, MemorySize: 128 });
        await lambda.send(
          new CreateEventSourceMappingCommand({
            FunctionName: "f",
            EventSourceArn,
            StartingPosition: "TRIM_HORIZON",
            ParallelizationFactor: 3,
            BatchSize: 20,
          }),
        );
        lambda.destroy();
      },
      connect: () => senders,
      inOrder: () => true,
    });
  } finally {
    dynamodb.destroy();
  }
});
