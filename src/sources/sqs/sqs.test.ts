import { after, before, describe } from "node:test";
import { CreateQueueCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { startElasticMq } from "../../../tests/e2e/queues.ts";
import { startServer } from "../../../tests/e2e/server.ts";
import { startMoto } from "../../../tests/e2e/streams.ts";
import { sourceContract } from "../source.contract.ts";
import { sqs } from "./sqs.ts";

const credentials = { accessKeyId: "test", secretAccessKey: "test" };
const slow = process.env.THAW_TEST_SLOW === "1" ? false : "THAW_TEST_SLOW=1 runs it";

interface Queues extends AsyncDisposable {
  readonly url: string;
}

async function ownServer(): Promise<Queues> {
  const server = await startServer();
  return { url: server.endpoint, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

for (const { name, start, skip } of [
  { name: "this platform's SQS", start: ownServer, skip: false },
  { name: "moto", start: startMoto, skip: slow },
  { name: "ElasticMQ", start: startElasticMq, skip: slow },
]) {
  describe(name, { skip }, () => {
    let server: Queues;
    let client: SQSClient;
    let count = 0;

    before(async () => {
      server = await start();
      client = new SQSClient({ endpoint: server.url, region: "us-east-1", credentials });
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
        // Servers other than ours give a message to who has hung up; it is there again after that.
        const Attributes = {
          VisibilityTimeout: "2",
          ...(fifo ? { FifoQueue: "true", ContentBasedDeduplication: "true" } : {}),
        };
        const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName, Attributes }));
        return {
          kind,
          source: sqs,
          settings: { EventSourceArn: `arn:aws:sqs:us-east-1:000000000000:${QueueName}`, BatchSize: 10 },
          place: { url: server.url, credentials },
          async send(MessageBody) {
            const group = fifo ? { MessageGroupId: "g" } : {};
            await client.send(new SendMessageCommand({ QueueUrl, MessageBody, ...group }));
          },
          bodyOf: ({ body }) => String(body),
        };
      });
    }
  });
}
