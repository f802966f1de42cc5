import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ZipFile } from "yazl";
import { ratioOfMedians } from "../../src/measure/index.ts";
import { type Answer, Connection, request } from "../harness/connection.ts";
import { interleave, type Subject } from "../harness/interleave.ts";
import { tooLoaded } from "../harness/machine.ts";
import { figure, type Measurement, measurement, type WorkloadOptions, type WorkloadReport } from "../harness/report.ts";
import { httpEcho } from "../peers/index.ts";
import { type Server, startServer } from "../subject/index.ts";
import { event, startPeers } from "./side-by-side.ts";

const functions = "/2015-03-31/functions";
const ours = "GetFunction";
/** the project's own limits, ms */
const limits = { read: 1, deploy: 30 } as const;

/**
 * The control plane, asked over HTTP in Lambda's own protocol: GetFunction against what HTTP itself costs (node:http echo),
 * CreateFunction of 1 MB until the function is Active, writes acknowledged (each one on the disk) with several clients, and
 * 10,000 functions: listed in pages, there after an orderly stop, and there after SIGKILL.
 */
export async function control(options: WorkloadOptions): Promise<WorkloadReport> {
  const { peers, missing, stop } = await startPeers([httpEcho()], options.progress);
  const data = mkdtempSync(join(tmpdir(), "thaw-bench-control-"));
  let server: Server | undefined;
  try {
    const empty = await startMs(data);
    server = empty.server;
    const notes: string[] = [];
    await create(server.endpoint, "f", await zip(100));

    const rounds = options.rounds ?? (options.quick ? 2 : 5);
    const count = options.quick ? 200 : 500;
    const subjects: Subject[] = [
      { name: ours, once: () => reads(server!.endpoint, count) },
      ...peers.map((peer) => ({ name: peer.name, once: () => posts(peer.url(), count) })),
    ];
    const read = await interleave(subjects, { rounds, tooLoaded, progress: options.progress });

    options.progress("deploys of 1 MB");
    const deploys: number[] = [];
    for (let n = 0; n < (options.quick ? 5 : 30); n += 1) deploys.push(await deploy(server.endpoint, `large-${n}`));

    const writes: Measurement[] = [];
    for (const clients of [1, 8, 64]) {
      options.progress(`writes of ${clients} clients`);
      const rates: number[] = [];
      for (let n = 0; n < (options.quick ? 1 : 3); n += 1) rates.push(await writesPerSecond(server.endpoint, clients));
      writes.push(measurement(`writes acknowledged, ${clients} at once`, "requests/s", rates));
    }

    const many = options.quick ? 1000 : 10_000;
    options.progress(`making ${many} functions`);
    const made = await createMany(server.endpoint, many);
    const listed = await listAll(server.endpoint);
    if (listed.names < many) throw new Error(`${listed.names} functions were listed, ${many} are there`);
    process.kill(server.pid, "SIGKILL");
    const recovered = await startMs(data);
    server = recovered.server;
    const again = await listAll(server.endpoint);
    if (again.names !== listed.names) throw new Error(`${listed.names} functions were there, ${again.names} are left`);
    await server.stop();
    const started = await startMs(data);
    server = started.server;

    const measurements = [
      ...[...read.samples].map(([name, values]) => measurement(name, "ms", values)),
      measurement("CreateFunction of 1 MB until Active", "ms", deploys),
      ...writes,
      measurement(`${many} functions created by 16 clients`, "s", [made / 1000]),
      measurement(`a page of 50 of ${listed.names} functions`, "ms", listed.pages),
      measurement("start, no function", "ms", [empty.ms]),
      measurement(`start, ${listed.names} functions, after SIGKILL`, "ms", [recovered.ms]),
      measurement(`start, ${listed.names} functions, after a stop`, "ms", [started.ms]),
    ];
    const median = (name: string) => measurements.find((found) => found.name === name)!.p50;
    for (const { name } of peers) {
      const { value, low, high } = ratioOfMedians(read.samples.get(ours)!, read.samples.get(name)!);
      notes.push(`${ours} / ${name}: ${figure(value)}× (${figure(low)} – ${figure(high)})`);
    }
    notes.push(
      own("GetFunction, p50", median(ours), limits.read),
      own("CreateFunction of 1 MB until Active, p50", median("CreateFunction of 1 MB until Active"), limits.deploy),
    );
    return {
      name: "control",
      loaded: read.loaded,
      measurements,
      verdicts: [],
      phases: [],
      missing,
      notes,
    };
  } finally {
    await stop();
    await server?.stop();
    rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  }
}

const own = (what: string, ms: number, limit: number): string =>
  `${what}: ${ms.toFixed(2)} ms, at most ${limit} ms wanted: ${ms <= limit ? "met" : "NOT MET"}`;

/** Until it listens; it has been asked something once it is returned. */
async function startMs(data: string): Promise<{ readonly server: Server; readonly ms: number }> {
  const began = performance.now();
  const server = await startServer({}, data);
  return { server, ms: performance.now() - began };
}

/** A provided runtime's bootstrap and `bytes` that cannot be compressed. */
async function zip(bytes: number): Promise<Buffer> {
  const file = new ZipFile();
  file.addBuffer(Buffer.from("#!/bin/sh\n"), "bootstrap", { mode: 0o100755 });
  file.addBuffer(randomBytes(bytes), "data");
  file.end();
  const chunks: Buffer[] = [];
  for await (const chunk of file.outputStream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function creation(endpoint: URL, name: string, code: Buffer): Buffer {
  const body = {
    FunctionName: name,
    Role: "arn:aws:iam::000000000000:role/bench",
    Runtime: "provided.al2023",
    Handler: "h",
    Code: { ZipFile: code.toString("base64") },
  };
  return request(new URL(functions, endpoint), JSON.stringify(body));
}

async function create(endpoint: URL, name: string, code: Buffer): Promise<void> {
  const connection = await Connection.open(endpoint);
  good(await connection.send(creation(endpoint, name, code)), 201);
  connection.close();
}

const get = (url: URL): Buffer => request(url, "", {}, "GET");

async function reads(endpoint: URL, count: number): Promise<number[]> {
  const bytes = get(new URL(`${functions}/f`, endpoint));
  return repeated(endpoint, bytes, count);
}

const posts = (url: URL, count: number) => repeated(url, request(url, event), count);

async function repeated(url: URL, bytes: Buffer, count: number): Promise<number[]> {
  const connection = await Connection.open(url);
  const samples: number[] = [];
  for (let n = -20; n < count; n += 1) {
    const answer = await connection.send(bytes);
    good(answer, 200);
    if (n >= 0) samples.push(answer.done - answer.sent);
  }
  connection.close();
  return samples;
}

/** ms from the first byte of CreateFunction to the answer that says Active. */
async function deploy(endpoint: URL, name: string): Promise<number> {
  const connection = await Connection.open(endpoint);
  const bytes = creation(endpoint, name, await zip(1024 * 1024));
  const poll = get(new URL(`${functions}/${name}/configuration`, endpoint));
  const created = await connection.send(bytes);
  good(created, 201);
  for (;;) {
    const answer = await connection.send(poll);
    const { State } = JSON.parse(answer.body.toString()) as { State: string };
    if (State === "Failed") throw new Error(answer.body.toString());
    if (State !== "Active") continue;
    connection.close();
    return answer.done - created.sent;
  }
}

/** Each client changes its own tag of one function, again and again. */
async function writesPerSecond(endpoint: URL, clients: number): Promise<number> {
  const url = new URL(
    `/2017-03-31/tags/${encodeURIComponent("arn:aws:lambda:us-east-1:000000000000:function:f")}`,
    endpoint,
  );
  const until = performance.now() + 1000;
  const began = performance.now();
  let acknowledged = 0;
  const client = async (key: number) => {
    const connection = await Connection.open(endpoint);
    for (let n = 0; performance.now() < until; n += 1) {
      good(await connection.send(request(url, JSON.stringify({ Tags: { [`t${key % 40}`]: String(n) } }))), 204);
      acknowledged += 1;
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: clients }, (_, key) => client(key)));
  return acknowledged / ((performance.now() - began) / 1000);
}

/** How long it took, ms. */
async function createMany(endpoint: URL, count: number): Promise<number> {
  const code = await zip(100);
  const began = performance.now();
  let next = 0;
  const client = async () => {
    const connection = await Connection.open(endpoint);
    while (next < count) {
      const name = `many-${String(next++).padStart(5, "0")}`;
      good(await connection.send(creation(endpoint, name, code)), 201);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: 16 }, client));
  return performance.now() - began;
}

/** Every page of ListFunctions: how many names there are, and ms of each page. */
async function listAll(endpoint: URL): Promise<{ readonly names: number; readonly pages: readonly number[] }> {
  const connection = await Connection.open(endpoint);
  const names = new Set<string>();
  const pages: number[] = [];
  for (let marker: string | undefined; ; ) {
    const url = new URL(`${functions}/`, endpoint);
    if (marker !== undefined) url.searchParams.set("Marker", marker);
    const answer = await connection.send(get(url));
    good(answer, 200);
    pages.push(answer.done - answer.sent);
    const page = JSON.parse(answer.body.toString()) as {
      Functions: { FunctionName: string }[];
      NextMarker?: string;
    };
    for (const { FunctionName } of page.Functions) names.add(FunctionName);
    marker = page.NextMarker;
    if (marker === undefined) break;
  }
  connection.close();
  return { names: names.size, pages };
}

function good(answer: Answer, status: number): void {
  if (answer.status !== status) throw new Error(`${answer.status}: ${answer.body.toString().slice(0, 500)}`);
}
