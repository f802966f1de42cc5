import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { InvokeCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import { createFunction, lambdaOf } from "./lambda.ts";
import { startServer } from "./server.ts";

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly Attribute[];
  readonly status?: { readonly code?: number };
}
interface Received {
  readonly path: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: ReturnType<typeof JSON.parse>;
}

/** A collector as small as can be: keeps what it is sent, and answers what it is told. */
async function startCollector() {
  const received: Received[] = [];
  const state = { status: 200, refused: 0 };
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk;
    if (state.status === 200) received.push({ path: request.url!, headers: request.headers, body: JSON.parse(text) });
    else state.refused += 1;
    response.writeHead(state.status, { "content-type": "application/json" }).end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const spans = () =>
    received
      .filter(({ path }) => path.endsWith("/v1/traces"))
      .flatMap(({ body }) => body.resourceSpans)
      .flatMap(({ resource, scopeSpans }) =>
        scopeSpans.flatMap((one: { spans: Span[] }) => one.spans.map((span) => ({ ...span, resource }))),
      );
  return {
    received,
    state,
    spans,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
}

const attribute = ({ attributes = [] }: { attributes?: readonly Attribute[] }, name: string): unknown =>
  Object.values(attributes.find(({ key }) => key === name)?.value ?? {})[0];

const echo = {
  "index.js":
    "exports.handler = async (event) => { if (event.fail) throw new Error('x'); return process.env._X_AMZN_TRACE_ID; };",
};
const call = async (lambda: LambdaClient, event: object = {}): Promise<string> => {
  const { Payload } = await lambda.send(new InvokeCommand({ FunctionName: "f", Payload: JSON.stringify(event) }));
  return String(JSON.parse(Payload!.transformToString()));
};

test("a collector is sent a span of each call with the phases of its start, and metrics; it keeps nobody waiting", async () => {
  await using collector = await startCollector();
  await using server = await startServer({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/otlp`,
      OTEL_EXPORTER_OTLP_HEADERS: "api-key=a%20secret",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=test",
      OTEL_BSP_SCHEDULE_DELAY: "50",
      OTEL_METRIC_EXPORT_INTERVAL: "200",
    },
  });
  const lambda = lambdaOf(server);
  await createFunction(lambda, "f", { code: echo });
  const seen = await call(lambda);
  await call(lambda, { fail: true });
  const whole = () => collector.spans().filter(({ name }: Span) => name === "f");
  await until(() => whole().length === 2);
  const [first, second] = whole();

  // What the function sees as its parent is the span, though nothing is sampled for X-Ray.
  assert.match(
    seen,
    new RegExp(`^Root=1-${first.traceId.slice(0, 8)}-${first.traceId.slice(8)};Parent=${first.spanId};Sampled=0`),
  );
  assert.equal(first.parentSpanId, undefined);
  assert.deepEqual([attribute(first, "faas.coldstart"), attribute(second, "faas.coldstart")], [true, false]);
  assert.deepEqual([first.status?.code, second.status?.code, attribute(second, "error.type")], [undefined, 2, "Error"]);
  assert.equal(attribute(first.resource, "service.name"), "f");
  assert.equal(attribute(first.resource, "deployment.environment"), "test");
  assert.equal(collector.received[0]?.headers["api-key"], "a secret");
  assert.ok(collector.received.every(({ path }) => path.startsWith("/otlp/v1/")));

  const children = collector.spans().filter(({ parentSpanId }: Span) => parentSpanId === first.spanId);
  const names = children.map(({ name }: Span) => name);
  assert.ok(names.includes("sandbox") && names.includes("handler"), names.join());
  for (const { startTimeUnixNano, endTimeUnixNano } of children) {
    assert.ok(BigInt(startTimeUnixNano) >= BigInt(first.startTimeUnixNano));
    assert.ok(BigInt(endTimeUnixNano) <= BigInt(first.endTimeUnixNano) + 1_000_000n);
  }

  const sum = (name: string) => {
    const last = collector.received.filter(({ path }) => path.endsWith("/v1/metrics")).at(-1);
    const metric = last?.body.resourceMetrics[0].scopeMetrics[0].metrics.find(
      (one: { name: string }) => one.name === name,
    );
    const [point] = metric?.sum?.dataPoints ?? metric?.histogram?.dataPoints ?? [];
    return Number(point?.asInt ?? point?.count ?? 0);
  };
  await until(() => sum("faas.invocations") === 2);
  const counts = ["faas.errors", "faas.coldstarts", "faas.timeouts", "faas.invoke_duration", "faas.init_duration"].map(
    sum,
  );
  assert.deepEqual(counts, [1, 1, 0, 2, 1]);

  // A collector that is ill is asked again; calls do not notice.
  collector.state.status = 503;
  await call(lambda);
  await until(() => collector.state.refused > 0);
  await call(lambda);
  assert.equal(whole().length, 2);
  collector.state.status = 200;
  await until(() => whole().length === 4);

  // What waits when the platform ends is sent before.
  await Promise.all(Array.from({ length: 20 }, () => call(lambda)));
  await server.stop();
  assert.equal(whole().length, 24);
});

test("a collector that is not there, or is named wrongly", async () => {
  await using server = await startServer({
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", OTEL_BSP_SCHEDULE_DELAY: "10" },
  });
  const lambda = lambdaOf(server);
  await createFunction(lambda, "f", { code: echo });
  for (let index = 0; index < 5; index += 1) assert.match(await call(lambda), /^Root=/);
  const begun = Date.now();
  assert.equal(await server.stop(), 0);
  assert.ok(Date.now() - begun < 30_000);
  for (const env of [
    { OTEL_EXPORTER_OTLP_ENDPOINT: "collector" },
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c", OTEL_EXPORTER_OTLP_HEADERS: "x" },
  ]) {
    await assert.rejects(startServer({ env }), /OTEL_EXPORTER_OTLP/);
  }
});
