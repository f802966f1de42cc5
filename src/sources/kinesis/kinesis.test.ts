import { after, before } from "node:test";
import {
  CreateStreamCommand,
  DescribeStreamConsumerCommand,
  DescribeStreamSummaryCommand,
  KinesisClient,
  PutRecordCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
} from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { type StreamServer, startKinesis, until } from "../../../tests/e2e/streams.ts";
import { malformedContract } from "../malformed.contract.ts";
import { type SourceFixture, sourceContract } from "../source.contract.ts";
import { kinesis } from "./index.ts";

const credentials = { accessKeyId: "test", secretAccessKey: "test" };
let server: StreamServer;
let client: KinesisClient;
let count = 0;

before(async () => {
  server = await startKinesis();
  const requestHandler = new NodeHttpHandler();
  client = new KinesisClient({ endpoint: server.url, region: "us-east-1", credentials, requestHandler });
});
after(async () => {
  client?.destroy();
  await server?.[Symbol.asyncDispose]();
});

/** `fanOut`: the mapping names a consumer of the stream. */
const made = async (fanOut: boolean): Promise<SourceFixture> => {
  count += 1;
  const StreamName = `s${count}`;
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  const described = async () =>
    (await client.send(new DescribeStreamSummaryCommand({ StreamName }))).StreamDescriptionSummary;
  await until(async () => (await described())?.StreamStatus === "ACTIVE");
  const StreamARN = (await described())!.StreamARN!;
  const consumer = async () => {
    const { Consumer } = await client.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: "c" }));
    const ConsumerARN = Consumer!.ConsumerARN!;
    const status = () => client.send(new DescribeStreamConsumerCommand({ ConsumerARN }));
    await until(async () => (await status()).ConsumerDescription?.ConsumerStatus === "ACTIVE");
    return ConsumerARN;
  };
  return {
    kind: "kinesis",
    source: kinesis,
    settings: { EventSourceArn: fanOut ? await consumer() : StreamARN, StartingPosition: "TRIM_HORIZON" },
    place: { url: server.url, credentials },
    async send(body) {
      await client.send(new PutRecordCommand({ StreamName, PartitionKey: "k", Data: Buffer.from(body) }));
    },
    bodyOf: (record) => Buffer.from((record as { kinesis: { data: string } }).kinesis.data, "base64").toString("utf8"),
  };
};

malformedContract("kinesis", async () => {
  const fixture = await made(false);
  const StreamName = `s${count}`;
  return {
    ...fixture,
    settings: { ...fixture.settings, MaximumRetryAttempts: 2, BisectBatchOnFunctionError: true },
    dataField: "data",
    bodyOf: (record) => (record as { kinesis: { data: string } }).kinesis.data,
    keyOf: (body) => body.toString("base64"),
    async sendAll(bodies) {
      for (let from = 0; from < bodies.length; from += 100) {
        const Records = bodies.slice(from, from + 100).map((Data, index) => ({ PartitionKey: `\u2028${index}`, Data }));
        const { FailedRecordCount } = await client.send(new PutRecordsCommand({ StreamName, Records }));
        if (FailedRecordCount !== 0) throw new Error(`${FailedRecordCount} records were not taken`);
      }
      return bodies;
    },
  };
});
sourceContract("kinesis", () => made(false));
sourceContract("kinesis, enhanced fan-out", () => made(true));
