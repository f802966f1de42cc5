import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { monotonicMs } from "../../src/model/index.ts";
import { type Answer, Connection, request } from "../harness/connection.ts";
import { discards, measurement, type WorkloadOptions, type WorkloadReport } from "../harness/report.ts";
import { type BenchFunction, nodeTold, type Server, startServer } from "../subject/index.ts";
import { doorCosts } from "./doors.ts";

/** Events a second while latency is measured: far below what any source can do. */
const rate = 20;
const connections = 16;
const account = "000000000000";

/** One way by which events come to a function. Another source is another entry. */
interface Way {
  readonly name: string;
  /** Makes the queue or stream, and what leads from it to the function. */
  prepare(server: Server, fn: BenchFunction): Promise<void>;
  /** The request that sends one event, which says when. */
  send(server: Server, fn: BenchFunction, event: string): Buffer;
}

const aws = (server: Server, service: string, target: string, version: string, input: object): Buffer =>
  request(server.endpoint, JSON.stringify(input), {
    "Content-Type": `application/x-amz-json-${version}`,
    "X-Amz-Target": target,
    Authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`,
  });

const sqs = (server: Server, operation: string, input: object): Buffer =>
  aws(server, "sqs", `AmazonSQS.${operation}`, "1.0", input);

const queueUrl = (server: Server, name: string) => new URL(`/${account}/${name}`, server.endpoint).href;

function queueWay(title: string, QueueName: string): Way {
  const fifo = QueueName.endsWith(".fifo");
  return {
    name: title,
    async prepare(server, fn) {
      const Attributes = fifo ? { FifoQueue: "true", ContentBasedDeduplication: "true" } : {};
      await once(server, sqs(server, "CreateQueue", { QueueName, Attributes }));
      await map(server, fn, `arn:aws:sqs:us-east-1:${account}:${QueueName}`);
    },
    send: (server, _fn, MessageBody) =>
      sqs(server, "SendMessage", {
        QueueUrl: queueUrl(server, QueueName),
        MessageBody,
        ...(fifo ? { MessageGroupId: "g" } : {}),
      }),
  };
}

const ways: readonly Way[] = [
  {
    name: "asynchronous invocation",
    async prepare() {},
    send: (server, fn, event) => request(server.url(fn.name), event, { "X-Amz-Invocation-Type": "Event" }),
  },
  queueWay("SQS", "latency"),
  queueWay("SQS FIFO", "latency.fifo"),
];

/**
 * Events accepted a second by the platform's own queues, and worked off; how long an event takes from its sender until its function
 * has it, at a fixed rate; and what a front door costs over a bare call.
 */
export async function events(options: WorkloadOptions): Promise<WorkloadReport> {
  const recorder = await startRecorder();
  const server = await startServer({ THAW_UPSTREAM_RECORDER: recorder.url, THAW_UPSTREAM: "" });
  try {
    options.progress("preparing");
    const told = await nodeTold();
    await server.create(told);
    const seconds = options.quick ? 2 : 10;
    const measurements = [];
    for (const way of ways) {
      options.progress(way.name);
      await way.prepare(server, told);
      measurements.push(
        measurement(
          `${way.name}: sent to begun`,
          "ms",
          await latency(server, told, way, recorder, seconds),
          `${rate} a second`,
        ),
      );
    }
    options.progress("queues under load");
    const accepted = await sending(server, seconds);
    measurements.push(
      measurement(
        "SQS: messages accepted, durable",
        "requests/s",
        [accepted],
        `batches of 10, ${connections} connections`,
      ),
    );
    const worked = await workedOff(server, told, recorder, options.quick ? 1000 : 10_000);
    measurements.push(measurement("SQS: messages worked off by a function", "requests/s", [worked], "batches of 10"));
    const doors = await doorCosts(server, options);
    for (const [name, samples] of doors.run.samples) measurements.push(measurement(name, "ms", samples));
    return {
      name: "events",
      loaded: doors.run.loaded,
      measurements,
      verdicts: doors.verdicts,
      phases: [],
      missing: [],
      notes: [
        "latency: from before the request is written until the function's handler begins, by one clock",
        ...discards(doors.run.discarded),
      ],
    };
  } finally {
    await server.stop();
    recorder.close();
  }
}

/** One event after the other at a fixed rate; ms until each was at its handler. */
async function latency(server: Server, fn: BenchFunction, way: Way, recorder: Recorder, seconds: number) {
  const connection = await Connection.open(server.endpoint);
  const send = async (number: number) => {
    const answer = await connection.send(way.send(server, fn, JSON.stringify({ sent: monotonicMs(), number })));
    if (answer.status >= 300) throw new Error(`${way.name}: ${answer.status} ${answer.body}`);
  };
  // The function starts, and the source is there.
  const warm = 10;
  const before = recorder.times.length;
  for (let number = 0; number < warm; number += 1) await send(number);
  await recorder.until(before + warm);
  const first = recorder.times.length;
  const count = rate * seconds;
  const start = monotonicMs();
  for (let number = 0; number < count; number += 1) {
    await pause(Math.max(0, start + (number * 1000) / rate - monotonicMs()));
    await send(warm + number);
  }
  await recorder.until(first + count);
  connection.close();
  return recorder.times.slice(first, first + count);
}

/** Messages a second that are accepted while nobody reads. */
async function sending(server: Server, seconds: number): Promise<number> {
  await once(server, sqs(server, "CreateQueue", { QueueName: "load" }));
  const end = monotonicMs() + seconds * 1000;
  let sent = 0;
  const client = async () => {
    const connection = await Connection.open(server.endpoint);
    while (monotonicMs() < end) {
      await sendTen(server, connection, "load");
      sent += 10;
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: connections }, client));
  return sent / seconds;
}

async function sendTen(server: Server, connection: Connection, name: string): Promise<void> {
  const Entries = Array.from({ length: 10 }, (_, index) => ({
    Id: `${index}`,
    MessageBody: JSON.stringify({ sent: monotonicMs() }),
  }));
  const answer = await connection.send(sqs(server, "SendMessageBatch", { QueueUrl: queueUrl(server, name), Entries }));
  if (answer.status !== 200) throw new Error(`SendMessageBatch: ${answer.status} ${answer.body}`);
}

/** Messages a second that a function gets, of a queue that is full when its mapping is made. */
async function workedOff(server: Server, fn: BenchFunction, recorder: Recorder, count: number): Promise<number> {
  await once(server, sqs(server, "CreateQueue", { QueueName: "backlog" }));
  const connection = await Connection.open(server.endpoint);
  for (let sent = 0; sent < count; sent += 10) await sendTen(server, connection, "backlog");
  connection.close();
  const before = recorder.times.length;
  const start = monotonicMs();
  await map(server, fn, `arn:aws:sqs:us-east-1:${account}:backlog`);
  await recorder.until(before + count);
  return (count * 1000) / (monotonicMs() - start);
}

function check(answer: Answer): void {
  if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.body.toString().slice(0, 500)}`);
}

async function map(server: Server, fn: BenchFunction, EventSourceArn: string): Promise<void> {
  await server.call("POST", "/2015-03-31/event-source-mappings", { FunctionName: fn.name, EventSourceArn });
}

async function once(server: Server, bytes: Buffer): Promise<void> {
  const connection = await Connection.open(server.endpoint);
  check(await connection.send(bytes));
  connection.close();
}

interface Recorder {
  readonly url: string;
  /** ms that events took, as their functions told it */
  readonly times: readonly number[];
  /** Resolves when there are so many. Rejects after a minute without another. */
  until(count: number): Promise<void>;
  close(): void;
}

async function startRecorder(): Promise<Recorder> {
  const times: number[] = [];
  const server = createServer((incoming, response) => {
    let text = "";
    incoming.on("data", (chunk) => {
      text += chunk;
    });
    incoming.on("end", () => {
      times.push(...(JSON.parse(text) as number[]));
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    times,
    async until(count) {
      for (let known = times.length, quiet = 0; times.length < count; quiet += 1) {
        await pause(5);
        if (times.length > known) quiet = 0;
        known = times.length;
        if (quiet > 12_000) throw new Error(`only ${times.length} of ${count} events came`);
      }
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
