import { after, before, describe } from "node:test";
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { startElasticMq } from "../../../tests/e2e/queues.ts";
import { startServer } from "../../../tests/e2e/server.ts";
import { startMoto } from "../../../tests/e2e/streams.ts";
import { type MalformedFixture, malformedContract } from "../malformed.contract.ts";
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

const own = "this platform's SQS";

for (const { name, start, skip } of [
  { name: own, start: ownServer, skip: false },
  { name: "moto", start: startMoto, skip: slow },
  { name: "ElasticMQ", start: startElasticMq, skip: slow },
]) {
  describe(name, { skip }, () => {
    let server: Queues;
    let client: SQSClient;
    let count = 0;

    /** A queue whose messages go to another one when they were received three times. */
    async function malformed(kind: "sqs" | "sqs-fifo"): Promise<MalformedFixture> {
      const suffix = kind === "sqs-fifo" ? ".fifo" : "";
      const fifo = kind === "sqs-fifo" ? { FifoQueue: "true" } : {};
      const made = { Attributes: fifo, QueueName: `dead${suffix}` };
      const { QueueUrl: deadUrl } = await client.send(new CreateQueueCommand(made));
      const deadLetterTargetArn = `arn:aws:sqs:us-east-1:000000000000:dead${suffix}`;
      const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 3 });
      const Attributes = { ...fifo, RedrivePolicy, VisibilityTimeout: "1" };
      const QueueName = `malformed${suffix}`;
      const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName, Attributes }));
      const dead = new Set<string>();
      return {
        kind,
        source: sqs,
        settings: { EventSourceArn: `arn:aws:sqs:us-east-1:000000000000:${QueueName}`, BatchSize: 10 },
        place: { url: server.url, credentials },
        send: async () => {},
        bodyOf: ({ body }) => String(body),
        keyOf: (body) => body.toString("utf8"),
        dataField: "body",
        async dead() {
          const asked = { QueueUrl: deadUrl, MaxNumberOfMessages: 10 };
          for (;;) {
            const { Messages = [] } = await client.send(new ReceiveMessageCommand(asked));
            if (Messages.length === 0) return [...dead];
            for (const { Body = "" } of Messages) dead.add(Body);
            // One that stayed would keep its group from being read on.
            const Entries = Messages.map(({ MessageId: Id, ReceiptHandle }) => ({ Id, ReceiptHandle }));
            await client.send(new DeleteMessageBatchCommand({ QueueUrl: deadUrl, Entries }));
          }
        },
        async sendAll(bodies) {
          const taken: Buffer[] = [];
          for (let from = 0; from < bodies.length; from += 5) {
            const some = bodies.slice(from, from + 5);
            const Entries = some.map((body, index) => ({
              Id: String(index),
              MessageBody: body.toString("utf8"),
              ...(suffix === ""
                ? {}
                : { MessageGroupId: `g${(from + index) % 200}`, MessageDeduplicationId: `${from + index}` }),
            }));
            // One that is refused does not keep the others out.
            for (const entries of [Entries, ...Entries.map((entry) => [entry])]) {
              const sending = client.send(new SendMessageBatchCommand({ QueueUrl, Entries: entries }));
              const answer = await sending.catch((error: Error) => error);
              if (answer instanceof Error) continue;
              taken.push(...(answer.Successful ?? []).map(({ Id }) => some[Number(Id)]!));
              if (entries.length > 1) break;
            }
          }
          return taken;
        },
      };
    }

    before(async () => {
      server = await start();
      client = new SQSClient({ endpoint: server.url, region: "us-east-1", credentials });
    });
    after(async () => {
      client?.destroy();
      await server?.[Symbol.asyncDispose]();
    });

    for (const kind of ["sqs", "sqs-fifo"] as const) {
      // Other servers take and give bodies in ways of their own.
      if (name === own) malformedContract(kind, () => malformed(kind));
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
