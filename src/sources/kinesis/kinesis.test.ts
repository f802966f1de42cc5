import { after, before } from "node:test";
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  KinesisClient,
  PutRecordCommand,
} from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { type StreamServer, startKinesis, until } from "../../../tests/e2e/streams.ts";
import { sourceContract } from "../source.contract.ts";
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

sourceContract("kinesis", async () => {
  count += 1;
  const StreamName = `s${count}`;
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  const described = () => client.send(new DescribeStreamSummaryCommand({ StreamName }));
  await until(async () => (await described()).StreamDescriptionSummary?.StreamStatus === "ACTIVE");
  return {
    kind: "kinesis",
    source: kinesis,
    settings: {
      EventSourceArn: `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}`,
      StartingPosition: "TRIM_HORIZON",
    },
    place: { url: server.url, credentials },
    async send(body) {
      await client.send(new PutRecordCommand({ StreamName, PartitionKey: "k", Data: Buffer.from(body) }));
    },
    bodyOf: (record) => Buffer.from((record as { kinesis: { data: string } }).kinesis.data, "base64").toString("utf8"),
  };
});
