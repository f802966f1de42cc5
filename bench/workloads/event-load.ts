import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { monotonicMs } from "../../src/model/index.ts";
import { Connection } from "../harness/connection.ts";
import { program } from "../harness/processes.ts";
import { type Measurement, measurement, type WorkloadOptions } from "../harness/report.ts";
import { type BenchFunction, nodeHello, type Server, startServer } from "../subject/index.ts";
import type { Recorder } from "./event-recorder.ts";
import { map, once, queueArn, queueUrl, sqs } from "./event-ways.ts";

const execute = promisify(execFile);
const connections = 16;
const script = fileURLToPath(new URL("../fixtures/event.lua", import.meta.url));

/** Messages a second that the platform's own queues accept, and that a function gets. */
export async function queueLoad(
  server: Server,
  fn: BenchFunction,
  recorder: Recorder,
  { quick, progress }: WorkloadOptions,
): Promise<Measurement[]> {
  progress("queues under load");
  const ms = (quick ? 2 : 10) * 1000;
  const single = await sending(server, "single", ms, 1);
  const accepted = await sending(server, "load", ms);
  const worked = await workedOff(server, fn, recorder, quick ? 1000 : 10_000);
  const detail = (sent: string) => `${sent}, ${connections} connections`;
  return [
    measurement("SQS: messages accepted, durable", "requests/s", [single.rate], detail("one a request")),
    measurement("SQS: messages accepted, durable", "requests/s", [accepted.rate], detail("batches of 10")),
    measurement("SQS: messages worked off by a function", "requests/s", [worked], "batches of 10"),
  ];
}

/** What a million waiting events and messages take of the platform's memory, each in a platform of its own. */
export async function backlogs({ quick, progress }: WorkloadOptions): Promise<Measurement[]> {
  const wanted = quick ? 50_000 : 1_000_000;
  const found: Measurement[] = [];
  const grown = async (title: string, fill: (server: Server) => Promise<number>) => {
    const server = await startServer({ THAW_UPSTREAM: "" });
    try {
      progress(`${title}: ${wanted} waiting`);
      // What it takes at all is there after a few.
      const before = await fill(server).then(() => residentMb(server.pid));
      let waiting = 0;
      while (waiting < wanted) waiting = await fill(server);
      const detail = `${waiting} waiting`;
      found.push(measurement(`${title}: memory with few waiting`, "MB", [before]));
      found.push(measurement(`${title}: memory with all waiting`, "MB", [residentMb(server.pid)], detail));
    } finally {
      await server.stop();
    }
  };
  if (program("wrk")) {
    let fn: BenchFunction | undefined;
    await grown("asynchronous events", async (server) => {
      fn ??= await keeping(server);
      await execute("wrk", ["-t1", "-c64", "-d2s", "--timeout", "20s", "-s", script, server.url(fn.name).href]);
      const { events } = (await server.call("GET", "/_thaw/info")) as { events: { waiting: number } };
      return events.waiting;
    });
  }
  let sent = 0;
  await grown("SQS messages", async (server) => {
    sent += (await sending(server, "backlog", 2000)).sent;
    return sent;
  });
  return found;
}

/** A function that keeps its events, for it has no concurrency. */
async function keeping(server: Server): Promise<BenchFunction> {
  const fn = await nodeHello();
  await server.create(fn);
  const concurrency = `/2017-10-31/functions/${fn.name}/concurrency`;
  await server.call("PUT", concurrency, { ReservedConcurrentExecutions: 0 });
  return fn;
}

/** While nobody reads. */
async function sending(server: Server, name: string, ms: number, atOnce = 10): Promise<{ sent: number; rate: number }> {
  await once(server, sqs(server, "CreateQueue", { QueueName: name }));
  const start = monotonicMs();
  let sent = 0;
  const client = async () => {
    const connection = await Connection.open(server.endpoint);
    while (monotonicMs() < start + ms) {
      await send(server, connection, name, atOnce);
      sent += atOnce;
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: connections }, client));
  return { sent, rate: (sent * 1000) / (monotonicMs() - start) };
}

/** One message, or a batch of them. */
async function send(server: Server, connection: Connection, name: string, count: number): Promise<void> {
  const QueueUrl = queueUrl(server, name);
  const MessageBody = JSON.stringify({ sent: monotonicMs() });
  const Entries = Array.from({ length: count }, (_, index) => ({ Id: `${index}`, MessageBody }));
  const answer = await connection.send(
    count === 1
      ? sqs(server, "SendMessage", { QueueUrl, MessageBody })
      : sqs(server, "SendMessageBatch", { QueueUrl, Entries }),
  );
  if (answer.status !== 200) throw new Error(`sending to ${name}: ${answer.status} ${answer.body}`);
}

/** Messages a second that a function gets, of a queue that is full when its mapping is made. */
async function workedOff(server: Server, fn: BenchFunction, recorder: Recorder, count: number): Promise<number> {
  await once(server, sqs(server, "CreateQueue", { QueueName: "full" }));
  const connection = await Connection.open(server.endpoint);
  for (let sent = 0; sent < count; sent += 10) await send(server, connection, "full", 10);
  connection.close();
  const before = recorder.times.length;
  const start = monotonicMs();
  await map(server, fn, { EventSourceArn: queueArn("full") });
  await recorder.until(before + count);
  return (count * 1000) / (monotonicMs() - start);
}

function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}
