import { after, before } from "node:test";
import { CreateQueueCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { type Server, startServer } from "../../../tests/e2e/server.ts";
import { sourceContract } from "../source.contract.ts";
import { sqs } from "./sqs.ts";

const credentials = { accessKeyId: "test", secretAccessKey: "test" };
let server: Server;
let client: SQSClient;
let count = 0;

before(async () => {
  server = await startServer();
  client = new SQSClient({ endpoint: server.endpoint, region: "us-east-1", credentials });
});
after(async () => {
  client?.destroy();
  await server?.[Symbol.asyncDispose]();
});

for (const kind of ["sqs", "sqs-fifo"] as const) {
  sourceContract(kind, async () => {
    const fifo = kind === "sqs-fifo";
    count += 1;
    const QueueName = `q${count}${fifo ? ".fifo" : ""}`;
    const Attributes = fifo ? { FifoQueue: "true", ContentBasedDeduplication: "true" } : {};
    const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName, Attributes }));
    return {
      kind,
      source: sqs,
      settings: { EventSourceArn: `arn:aws:sqs:us-east-1:000000000000:${QueueName}`, BatchSize: 10 },
      place: { url: server.endpoint, credentials },
      async send(MessageBody) {
        await client.send(new SendMessageCommand({ QueueUrl, MessageBody, ...(fifo ? { MessageGroupId: "g" } : {}) }));
      },
      bodyOf: ({ body }) => String(body),
    };
  });
}
