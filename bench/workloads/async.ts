import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { monotonicMs } from "../../src/model/index.ts";
import { Connection, request } from "../harness/connection.ts";
import { program } from "../harness/processes.ts";
import { measurement, type WorkloadOptions, type WorkloadReport } from "../harness/report.ts";
import { type BenchFunction, nodeHello, type Server, startServer } from "../subject/index.ts";

const execute = promisify(execFile);
const script = fileURLToPath(new URL("../fixtures/event.lua", import.meta.url));
const connections = 64;

/**
 * Asynchronous invocations: events accepted a second while nothing runs and while all run, what a long queue costs in
 * memory, and how long an event of a quiet queue takes.
 */
export async function asynchronous(options: WorkloadOptions): Promise<WorkloadReport> {
  if (!program("wrk")) throw new Error("wrk is not installed (Debian: apt-get install wrk)");
  const records = await recorder();
  const server = await startServer({ THAW_UPSTREAM: records.url });
  try {
    options.progress("preparing");
    const fn = await nodeHello();
    await server.create(fn);
    await server.inspect(fn.name);
    const seconds = options.quick ? 2 : 5;
    const running = await load(server, fn, seconds);
    await emptied(server);
    const quiet = await quietly(server, fn, records, options.quick ? 50 : 300);

    // Without any concurrency a function keeps its events.
    const concurrency = `/2017-10-31/functions/${fn.name}/concurrency`;
    await server.call("PUT", concurrency, { ReservedConcurrentExecutions: 0 });
    const accepted = await load(server, fn, seconds);
    const before = residentMb(server.pid);
    const wanted = options.quick ? 100_000 : 1_000_000;
    while ((await waiting(server)) < wanted) {
      options.progress(`queueing ${wanted} events`);
      await load(server, fn, seconds);
    }
    const queued = await waiting(server);
    const full = residentMb(server.pid);
    const later = await load(server, fn, seconds);
    const detail = `wrk, ${connections} connections, 35 bytes each`;
    return {
      name: "async",
      loaded: false,
      measurements: [
        measurement("events accepted, durable, none runs", "requests/s", [accepted], detail),
        measurement("events accepted, durable, while they run", "requests/s", [running], detail),
        measurement(`events accepted, durable, behind ${queued} others`, "requests/s", [later], detail),
        measurement("202 of a quiet queue", "ms", quiet.accepted),
        measurement("event of a quiet queue to its record at a destination", "ms", quiet.delivered),
        measurement("the same function, called synchronously", "ms", quiet.synchronous),
        measurement("memory of the platform before", "MB", [before]),
        measurement(`memory of the platform with ${queued} events queued`, "MB", [full]),
      ],
      verdicts: [],
      phases: [],
      missing: [],
      notes: ["to be reached: 10,000 events a second on 2 cores, and memory that does not grow with the queue"],
    };
  } finally {
    await server.stop();
    records.close();
  }
}

/** Events accepted a second. Any answer but a good one is an error. */
async function load(server: Server, fn: BenchFunction, seconds: number): Promise<number> {
  const where = ["-s", script, server.url(fn.name).href];
  const { stdout } = await execute("wrk", ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "20s", ...where]);
  const bad = /^\s*(Non-2xx or 3xx responses.*|Socket errors.*)$/m.exec(stdout)?.[1];
  if (bad) throw new Error(bad);
  return Number(/^Requests\/sec:\s*([\d.]+)/m.exec(stdout)?.[1]);
}

async function waiting(server: Server): Promise<number> {
  const { events } = (await server.call("GET", "/_thaw/info")) as { events: { waiting: number } };
  return events.waiting;
}

async function emptied(server: Server): Promise<void> {
  while ((await waiting(server)) > 0) await pause(100);
}

/** One event after the other, each when the record of the one before has come. */
async function quietly(server: Server, fn: BenchFunction, records: Recorder, count: number) {
  const Destination = "arn:aws:sqs:us-east-1:000000000000:records";
  const DestinationConfig = { OnSuccess: { Destination } };
  await server.call("PUT", `/2019-09-25/functions/${fn.name}/event-invoke-config`, { DestinationConfig });
  const url = server.url(fn.name);
  const connection = await Connection.open(url);
  const event = request(url, '{"hello":"world"}', { "X-Amz-Invocation-Type": "Event" });
  const call = request(url, '{"hello":"world"}');
  const times = { accepted: [] as number[], delivered: [] as number[], synchronous: [] as number[] };
  for (let round = -5; round < count; round += 1) {
    const recorded = records.next();
    const answer = await connection.send(event);
    if (answer.status !== 202) throw new Error(`${answer.status}: ${answer.body}`);
    const delivered = await recorded;
    const direct = await connection.send(call);
    if (round < 0) continue;
    times.accepted.push(answer.firstByte - answer.sent);
    times.delivered.push(delivered - answer.sent);
    times.synchronous.push(direct.firstByte - direct.sent);
  }
  connection.close();
  await server.call("DELETE", `/2019-09-25/functions/${fn.name}/event-invoke-config`);
  return times;
}

interface Recorder {
  readonly url: string;
  /** When the next record comes, monotonicMs(). */
  next(): Promise<number>;
  close(): void;
}

/** Takes the place of SQS. */
async function recorder(): Promise<Recorder> {
  let came = (_at: number): void => {};
  const server = createServer((incoming, response) => {
    const at = monotonicMs();
    incoming.resume().on("end", () => {
      response.end("{}");
      came(at);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    next: () =>
      new Promise((resolve) => {
        came = resolve;
      }),
    close: () => server.close(),
  };
}

function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}
