/**
 * `npm run demo -- events [--json]`: one application, live. An HTTP request runs a function, which sends to a queue, whose messages run
 * a function, which writes to a table, whose stream runs a function, which tells everybody on a WebSocket. Queue, HTTP API and WebSocket
 * API are the platform's own; the table is DynamoDB Local's (`thaw up --with dynamodb`), or THAW_UPSTREAM_DYNAMODB's.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { WebSocket } from "ws";
import { summarize } from "../src/measure/index.ts";
import { type Style, table } from "./harness/report.ts";
import { fixtures, repository } from "./peers/index.ts";
import { type Server, startServer, zipFiles } from "./subject/index.ts";

/** What became of one order, milliseconds since the epoch. */
interface Order {
  readonly id: string;
  readonly sent: number;
  readonly taken: number;
  readonly worked: number;
  readonly told: number;
  readonly heard: number;
}

/** Milliseconds of each hop, medians and p99; and how each function was started. */
export interface EventsReport {
  readonly orders: number;
  readonly hops: readonly { readonly name: string; readonly p50: number; readonly p99: number }[];
  readonly starts: readonly { readonly function: string; readonly starts: Readonly<Record<string, number>> }[];
}

/** One of each step: bench/fixtures/orders. */
const functions = ["connect", "take", "work", "tell"] as const;
const role = "arn:aws:iam::000000000000:role/demo";
const account = "000000000000";
const region = "us-east-1";
/** How long an order may be on its way, milliseconds. */
const patienceMs = 20_000;

/** Builds the application on a server of its own, sends `count` orders one after the other, and takes everything down again. */
export async function demoEvents(count: number, progress: (text: string) => void): Promise<EventsReport> {
  progress("starting the platform, and DynamoDB Local beside it (the first time it is fetched: 50 MB)");
  const own = process.env.THAW_UPSTREAM_DYNAMODB === undefined ? ["--with", "dynamodb"] : [];
  const server = await startServer({}, undefined, own);
  try {
    progress("making the application");
    const { orders, listen } = await application(server);
    await using socket = await connected(listen);
    progress("sending orders");
    const done: Order[] = [];
    for (let n = 0; n < count; n++) {
      const order = await place(orders, socket, `order-${n}`);
      done.push(order);
      progress(`${order.id}: ${order.heard - order.sent} ms from the request to the WebSocket`);
    }
    const hop = (name: string, of: (order: Order) => number) => {
      const { p50, p99 } = summarize(done.map(of));
      return { name, p50, p99 };
    };
    return {
      orders: count,
      hops: [
        hop("HTTP request → function", ({ sent, taken }) => taken - sent),
        hop("queue → function", ({ taken, worked }) => worked - taken),
        hop("table's stream → function", ({ worked, told }) => told - worked),
        hop("function → WebSocket", ({ told, heard }) => heard - told),
        hop("all of it", ({ sent, heard }) => heard - sent),
      ],
      starts: await startsOf(server),
    };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${await lastWords(server)}`, { cause: error });
  } finally {
    await server.stop();
  }
}

/** What the functions have logged last, to tell why something did not come through. */
async function lastWords(server: Server): Promise<string> {
  const said = [JSON.stringify(await server.call("GET", "/2015-03-31/event-source-mappings"))];
  for (const name of functions) {
    const response = await fetch(new URL(`/_thaw/logs?function=${name}&limit=8`, server.endpoint));
    said.push(`${name}:\n${await response.text()}`);
  }
  return said.join("\n");
}

/** The report as text. */
export function renderEvents(report: EventsReport, style: Style): string {
  const ms = (value: number) => value.toFixed(0);
  const hops = report.hops.map(({ name, p50, p99 }) => [name, ms(p50), ms(p99)]);
  const starts = report.starts.map(({ function: name, starts }) => [
    name,
    Object.entries(starts)
      .map(([kind, times]) => `${times} ${kind}`)
      .join(", "),
  ]);
  return [
    `${report.orders} orders, one after the other: HTTP → function → SQS → function → DynamoDB → function → WebSocket`,
    table(["hop", "p50 ms", "p99 ms"], hops, style),
    table(["function", "how its calls were started"], starts, style),
  ].join("\n\n");
}

/** Everything the application is made of. Resolves with where to send orders, and where to listen. */
async function application(server: Server): Promise<{ orders: URL; listen: string }> {
  const { port } = server.endpoint;
  const json = jsonOf(server);
  const { QueueUrl } = await json("sqs", "AmazonSQS.CreateQueue", "1.0", { QueueName: "orders" });
  for (const TableName of ["orders", "listeners"]) {
    await json("dynamodb", "DynamoDB_20120810.CreateTable", "1.0", {
      TableName,
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      BillingMode: "PAY_PER_REQUEST",
      ...(TableName === "orders" ? { StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" } } : {}),
    });
  }
  const { Table } = await json("dynamodb", "DynamoDB_20120810.DescribeTable", "1.0", { TableName: "orders" });
  const stream = (Table as { LatestStreamArn: string }).LatestStreamArn;
  for (const name of functions) await make(server, name, { QUEUE_URL: String(QueueUrl) });
  await mapped(server, "work", `arn:aws:sqs:${region}:${account}:orders`, { BatchSize: 10 });
  await mapped(server, "tell", stream, { StartingPosition: "TRIM_HORIZON", BatchSize: 10 });

  const http = await gateway(server, "/v2/apis", {
    name: "orders",
    protocolType: "HTTP",
    routeKey: "POST /orders",
    target: arnOf("take"),
  });
  await allowed(server, "take");
  const ws = await gateway(server, "/v2/apis", {
    name: "listeners",
    protocolType: "WEBSOCKET",
    routeSelectionExpression: "$request.body.action",
  });
  const integration = await gateway(server, `/v2/apis/${ws.apiId}/integrations`, {
    integrationType: "AWS_PROXY",
    integrationUri: `arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/${arnOf("connect")}/invocations`,
  });
  for (const routeKey of ["$connect", "$disconnect"]) {
    const target = `integrations/${integration.integrationId}`;
    await gateway(server, `/v2/apis/${ws.apiId}/routes`, { routeKey, target });
  }
  await gateway(server, `/v2/apis/${ws.apiId}/stages`, { stageName: "live", autoDeploy: true });
  await allowed(server, "connect");
  return {
    orders: new URL(`http://${http.apiId}.execute-api.${region}.localhost:${port}/orders`),
    listen: `ws://${ws.apiId}.execute-api.${region}.localhost:${port}/live`,
  };
}

const arnOf = (name: string) => `arn:aws:lambda:${region}:${account}:function:${name}`;

async function make(server: Server, name: string, Variables: Readonly<Record<string, string>>): Promise<void> {
  const files = new Map([["aws4/package.json", { data: Buffer.from('{"main":"aws4.js"}'), mode: 0o644 }]]);
  const add = (file: string, path: string) => files.set(file, { data: readFileSync(path), mode: 0o644 });
  for (const file of [`${name}.js`, "aws.js"]) add(file, join(fixtures, "orders", file));
  for (const file of ["aws4.js", "lru.js"]) add(`aws4/${file}`, join(repository, "node_modules/aws4", file));
  const zip = await zipFiles(files);
  const fn = { name, title: name, runtime: "nodejs24.x", handler: `${name}.handler`, zip };
  await server.create(fn, 512, { Environment: { Variables }, Role: role });
}

/** The API Gateway may call it. */
async function allowed(server: Server, name: string): Promise<void> {
  await server.call("POST", `/2015-03-31/functions/${name}/policy`, {
    StatementId: "gateway",
    Action: "lambda:InvokeFunction",
    Principal: "apigateway.amazonaws.com",
  });
}

async function mapped(server: Server, FunctionName: string, EventSourceArn: string, more: object): Promise<void> {
  const made = await server.call("POST", "/2015-03-31/event-source-mappings", {
    FunctionName,
    EventSourceArn,
    ...more,
  });
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const found = await server.call("GET", `/2015-03-31/event-source-mappings/${made.UUID}`);
    if (found.State === "Enabled") return;
    if (Date.now() > deadline) throw new Error(`the mapping of ${EventSourceArn} is ${found.State}`);
    await pause(50);
  }
}

/** Calls an operation of a service that speaks AWS JSON. */
function jsonOf(server: Server) {
  return (service: string, target: string, version: string, input: object) =>
    post(server, service, "/", { "content-type": `application/x-amz-json-${version}`, "x-amz-target": target }, input);
}

const gateway = (server: Server, path: string, input: object) =>
  post(server, "apigateway", path, { "content-type": "application/json" }, input);

/** The signature says which service is meant; nobody checks it here. */
async function post(
  { endpoint }: Server,
  service: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  input: object,
): Promise<Record<string, unknown>> {
  const scope = `${account}/20260101/${region}/${service}/aws4_request`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`;
  const body = JSON.stringify(input);
  const response = await fetch(new URL(path, endpoint), {
    method: "POST",
    headers: { ...headers, authorization },
    body,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${service} ${path}: ${response.status} ${text.slice(0, 500)}`);
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}

interface Socket extends AsyncDisposable {
  /** Resolves with the order of this id when it was heard of. */
  heard(id: string): Promise<Omit<Order, "heard">>;
}

async function connected(url: string): Promise<Socket> {
  const { hostname, port, pathname } = new URL(url);
  // Not every resolver knows that *.localhost is this machine (RFC 6761, 6.3).
  const socket = new WebSocket(`ws://127.0.0.1:${port}${pathname}`, { headers: { host: `${hostname}:${port}` } });
  const waiting = new Map<string, (order: Omit<Order, "heard">) => void>();
  socket.on("message", (text) => {
    const order = JSON.parse(String(text)) as Omit<Order, "heard">;
    waiting.get(order.id)?.(order);
  });
  await new Promise<void>((resolve, reject) => socket.once("open", () => resolve()).once("error", reject));
  return {
    heard: (id) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`${id} did not come out at the WebSocket`)), patienceMs);
        waiting.set(id, (order) => {
          clearTimeout(late);
          waiting.delete(id);
          resolve(order);
        });
      }),
    async [Symbol.asyncDispose]() {
      socket.terminate();
    },
  };
}

/** Sends one order and waits until the WebSocket has told of it. */
async function place(orders: URL, socket: Socket, id: string): Promise<Order> {
  const heard = socket.heard(id);
  heard.catch(() => undefined);
  const response = await fetch(
    `http://127.0.0.1:${orders.port}/_aws/execute-api/${orders.hostname.split(".")[0]}/orders`,
    {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ id, sent: Date.now() }),
    },
  );
  if (response.status !== 202) throw new Error(`POST ${orders}: ${response.status} ${await response.text()}`);
  return { ...(await heard), heard: Date.now() };
}

/** How the calls of each function were started, as the platform counts them. */
async function startsOf(server: Server): Promise<EventsReport["starts"]> {
  const found = await server.call("GET", "/_thaw/invocations?limit=1000");
  const starts = new Map<string, Record<string, number>>();
  for (const row of found.invocations as { function: string; timing: { start: string } }[]) {
    const of = starts.get(row.function) ?? {};
    of[row.timing.start] = (of[row.timing.start] ?? 0) + 1;
    starts.set(row.function, of);
  }
  return [...starts].map(([name, counts]) => ({ function: name, starts: counts }));
}
