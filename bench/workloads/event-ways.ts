import { CreateTableCommand, DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  KinesisClient,
  PutRecordCommand,
} from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { connect } from "amqplib";
import { Kafka, logLevel } from "kafkajs";
import rhea from "rhea";
import { activeMqUser, startActiveMq } from "../../tests/brokers/activemq.ts";
import { startKafka } from "../../tests/brokers/kafka.ts";
import { startRabbitMq } from "../../tests/brokers/rabbitmq.ts";
import { startDynamoDbLocal, startKinesis, until } from "../../tests/e2e/streams.ts";
import { type Answer, Connection, request } from "../harness/connection.ts";
import type { BenchFunction, Server } from "../subject/index.ts";

const account = "000000000000";
const credentials = { accessKeyId: account, secretAccessKey: "test" };

/** A source that is there and mapped to the function. */
export interface OpenWay {
  /** Resolves when the source has it for good. */
  send(event: string): Promise<void>;
  close(): Promise<void>;
}

/** One way by which events come to a function. Another source is another entry. */
export interface Way {
  readonly name: string;
  /** Makes the source, and what leads from it to the function. Rejects when its server cannot be had. */
  open(server: Server, fn: BenchFunction): Promise<OpenWay>;
}

/** A request to a service of AWS JSON that the platform has. */
export const aws = (server: Server, service: string, target: string, version: string, input: object): Buffer =>
  request(server.endpoint, JSON.stringify(input), {
    "Content-Type": `application/x-amz-json-${version}`,
    "X-Amz-Target": target,
    Authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`,
  });

export const sqs = (server: Server, operation: string, input: object): Buffer =>
  aws(server, "sqs", `AmazonSQS.${operation}`, "1.0", input);

export const queueUrl = (server: Server, name: string) => new URL(`/${account}/${name}`, server.endpoint).href;
export const queueArn = (name: string) => `arn:aws:sqs:us-east-1:${account}:${name}`;

export async function once(server: Server, bytes: Buffer): Promise<Answer> {
  const connection = await Connection.open(server.endpoint);
  const answer = await connection.send(bytes);
  connection.close();
  if (answer.status >= 300) throw new Error(`${answer.status}: ${answer.body.toString().slice(0, 500)}`);
  return answer;
}

/** A mapping, which reads as soon as it can. `endpoint`: where the source is, if it is not here */
export async function map(server: Server, fn: BenchFunction, given: object, endpoint?: string): Promise<void> {
  const Tags = endpoint === undefined ? {} : { Tags: { "thaw:endpoint": endpoint } };
  await server.call("POST", "/2015-03-31/event-source-mappings", { FunctionName: fn.name, ...given, ...Tags });
}

/** By one connection to the platform, one request after the other; who waits for its turn has been sent already. */
async function overHttp(server: Server, bytesOf: (event: string) => Buffer): Promise<OpenWay> {
  const connection = await Connection.open(server.endpoint);
  let turn: Promise<unknown> = Promise.resolve();
  const sendNow = async (event: string) => {
    const answer = await connection.send(bytesOf(event));
    if (answer.status >= 300) throw new Error(`${answer.status} ${answer.body}`);
  };
  return {
    send(event) {
      const sent = turn.then(() => sendNow(event));
      turn = sent.catch(() => undefined);
      return sent;
    },
    close: async () => connection.close(),
  };
}

function queueWay(name: string, QueueName: string): Way {
  const fifo = QueueName.endsWith(".fifo");
  return {
    name,
    async open(server, fn) {
      const Attributes = fifo ? { FifoQueue: "true", ContentBasedDeduplication: "true" } : {};
      await once(server, sqs(server, "CreateQueue", { QueueName, Attributes }));
      await map(server, fn, { EventSourceArn: queueArn(QueueName) });
      const group = fifo ? { MessageGroupId: "g" } : {};
      const QueueUrl = queueUrl(server, QueueName);
      return overHttp(server, (MessageBody) => sqs(server, "SendMessage", { QueueUrl, MessageBody, ...group }));
    },
  };
}

/** The ARN of a secret with a name and a password. */
async function secret(server: Server, username: string, password: string): Promise<string> {
  const input = { Name: `of-${username}`, SecretString: JSON.stringify({ username, password }) };
  const { body } = await once(
    server,
    aws(server, "secretsmanager", "secretsmanager.CreateSecret", "1.1", {
      ...input,
      ClientRequestToken: input.Name.padEnd(32, "0"),
    }),
  );
  return (JSON.parse(body.toString()) as { ARN: string }).ARN;
}

const brokerArn = `arn:aws:mq:us-east-1:${account}:broker:b:b-1`;
const stream = { StartingPosition: "TRIM_HORIZON" };
const soon = { MaximumBatchingWindowInSeconds: 0 };

/** By the names that `--only` takes. */
export const ways: Readonly<Record<string, Way>> = {
  async: {
    name: "asynchronous invocation",
    open: (server, fn) =>
      overHttp(server, (event) => request(server.url(fn.name), event, { "X-Amz-Invocation-Type": "Event" })),
  },
  sqs: queueWay("SQS", "latency"),
  fifo: queueWay("SQS FIFO", "latency.fifo"),
  kinesis: {
    name: "Kinesis (kinesis-local)",
    async open(server, fn) {
      const source = await startKinesis();
      const requestHandler = new NodeHttpHandler();
      const client = new KinesisClient({ endpoint: source.url, region: "us-east-1", credentials, requestHandler });
      const StreamName = "latency";
      await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
      const summary = async () =>
        (await client.send(new DescribeStreamSummaryCommand({ StreamName }))).StreamDescriptionSummary!;
      await until(async () => (await summary()).StreamStatus === "ACTIVE");
      await map(server, fn, { EventSourceArn: (await summary()).StreamARN, ...stream }, source.url);
      return {
        async send(event) {
          await client.send(new PutRecordCommand({ StreamName, PartitionKey: "k", Data: Buffer.from(event) }));
        },
        async close() {
          client.destroy();
          await source[Symbol.asyncDispose]();
        },
      };
    },
  },
  dynamodb: {
    name: "DynamoDB Streams (DynamoDB Local)",
    async open(server, fn) {
      const source = await startDynamoDbLocal();
      const client = new DynamoDBClient({ endpoint: source.url, region: "us-east-1", credentials });
      const { TableDescription } = await client.send(
        new CreateTableCommand({
          TableName: "latency",
          KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
          AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
          BillingMode: "PAY_PER_REQUEST",
          StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" },
        }),
      );
      await map(server, fn, { EventSourceArn: TableDescription!.LatestStreamArn, ...stream }, source.url);
      return {
        async send(event) {
          await client.send(
            new PutItemCommand({ TableName: "latency", Item: { id: { S: "k" }, event: { S: event } } }),
          );
        },
        async close() {
          client.destroy();
          await source[Symbol.asyncDispose]();
        },
      };
    },
  },
  kafka: {
    name: "Kafka",
    async open(server, fn) {
      const broker = await startKafka();
      const client = new Kafka({ brokers: [`127.0.0.1:${broker.port}`], logLevel: logLevel.NOTHING });
      const admin = client.admin();
      await admin.connect();
      await admin.createTopics({ topics: [{ topic: "latency", numPartitions: 1 }], waitForLeaders: true });
      await admin.disconnect();
      const producer = client.producer();
      await producer.connect();
      const EventSourceArn = `arn:aws:kafka:us-east-1:${account}:cluster/c/1`;
      const given = { EventSourceArn, Topics: ["latency"], ...stream, ...soon };
      await map(server, fn, given, `kafka://127.0.0.1:${broker.port}`);
      return {
        async send(value) {
          await producer.send({ topic: "latency", messages: [{ value }] });
        },
        async close() {
          await producer.disconnect();
          await broker[Symbol.asyncDispose]();
        },
      };
    },
  },
  rabbitmq: {
    name: "RabbitMQ",
    async open(server, fn) {
      const broker = await startRabbitMq();
      const url = `amqp://127.0.0.1:${broker.port}`;
      const connection = await connect(url);
      const channel = await connection.createConfirmChannel();
      await channel.assertQueue("latency");
      const access = [
        { Type: "BASIC_AUTH", URI: await secret(server, "guest", "guest") },
        { Type: "VIRTUAL_HOST", URI: "/" },
      ];
      const given = { EventSourceArn: brokerArn, Queues: ["latency"], SourceAccessConfigurations: access, ...soon };
      await map(server, fn, given, url);
      return {
        async send(event) {
          channel.sendToQueue("latency", Buffer.from(event), { persistent: true });
          await channel.waitForConfirms();
        },
        async close() {
          await connection.close();
          await broker[Symbol.asyncDispose]();
        },
      };
    },
  },
  activemq: {
    name: "ActiveMQ",
    async open(server, fn) {
      const broker = await startActiveMq();
      const { username, password } = activeMqUser;
      const options = { host: "127.0.0.1", port: broker.port, username, password, reconnect: false };
      const connection = rhea.create_container().connect(options);
      connection.on("disconnected", () => undefined);
      const sender = connection.open_sender("activemq-latency");
      await new Promise((resolve) => sender.once("sendable", resolve));
      const access = [{ Type: "BASIC_AUTH", URI: await secret(server, username, password) }];
      const given = { EventSourceArn: brokerArn, SourceAccessConfigurations: access, ...soon };
      await map(server, fn, { ...given, Queues: ["activemq-latency"] }, `amqp://127.0.0.1:${broker.port}`);
      return {
        async send(body) {
          sender.send({ durable: true, body });
          await new Promise((resolve) => sender.once("accepted", resolve));
        },
        async close() {
          connection.close();
          await broker[Symbol.asyncDispose]();
        },
      };
    },
  },
};
