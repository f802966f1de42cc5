import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { InvokeCommand, type LambdaClient, PutFunctionConcurrencyCommand } from "@aws-sdk/client-lambda";
import {
  BatchGetTracesCommand,
  GetSamplingRulesCommand,
  GetSamplingTargetsCommand,
  GetServiceGraphCommand,
  GetTraceGraphCommand,
  GetTraceSummariesCommand,
  PutTelemetryRecordsCommand,
  PutTraceSegmentsCommand,
  XRayClient,
} from "@aws-sdk/client-xray";
import { build } from "esbuild";
import { createFunction, lambdaOf } from "./lambda.ts";
import { root, type Server, startServer } from "./server.ts";

let server: Server;
let lambda: LambdaClient;
let xray: XRayClient;
before(async () => {
  server = await startServer();
  lambda = lambdaOf(server);
  xray = xrayOf(server);
  const code = {
    "index.js": `exports.handler = async (event) => {
      if (event.fail) throw new TypeError("as asked");
      return process.env._X_AMZN_TRACE_ID;
    };`,
  };
  await createFunction(lambda, "active", { code, TracingConfig: { Mode: "Active" } });
  await createFunction(lambda, "passing", { code });
});
after(() => server?.[Symbol.asyncDispose]());

const xrayOf = ({ endpoint }: Server) =>
  new XRayClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });

/** The parts of a header by their names. */
const partsOf = (header: string): Record<string, string> =>
  Object.fromEntries(header.split(";").map((part) => part.split("=") as [string, string]));

/** Calls a function with a header, and gives the header that the function saw, and the end of its log. */
async function call(
  FunctionName: string,
  header?: string,
  event: object = {},
  InvocationType: "RequestResponse" | "Event" = "RequestResponse",
) {
  const Payload = JSON.stringify(event);
  const command = new InvokeCommand({ FunctionName, Payload, LogType: "Tail", InvocationType });
  command.middlewareStack.add(
    (next) => (args) => {
      if (header !== undefined)
        (args.request as { headers: Record<string, string> }).headers["x-amzn-trace-id"] = header;
      return next(args);
    },
    { step: "build" },
  );
  const { Payload: answered, LogResult = "" } = await lambda.send(command);
  const answer: unknown = JSON.parse(answered?.transformToString() || "null");
  return { seen: partsOf(typeof answer === "string" ? answer : ""), log: Buffer.from(LogResult, "base64").toString() };
}

const newRoot = (): string => {
  const digits = crypto.randomUUID().replaceAll("-", "").slice(0, 24);
  return `1-${Math.floor(Date.now() / 1000).toString(16)}-${digits}`;
};

async function segmentsOf(trace: string, client = xray) {
  const { Traces = [] } = await client.send(new BatchGetTracesCommand({ TraceIds: [trace] }));
  return (Traces[0]?.Segments ?? []).map(({ Document = "{}" }) => JSON.parse(Document));
}

const names = (segment: { subsegments?: { name: string }[] }) => (segment.subsegments ?? []).map(({ name }) => name);
const window = () => ({ StartTime: new Date(Date.now() - 3600_000), EndTime: new Date(Date.now() + 5000) });

test("a function with active tracing is traced, from its start to its overhead", async () => {
  const { seen, log } = await call("active");
  assert.equal(seen.Sampled, "1");
  assert.match(seen.Lineage ?? "", /^1:[0-9a-f]{8}:0$/);
  assert.match(log, new RegExp(`XRAY TraceId: ${seen.Root}\\tSegmentId: ${seen.Parent}\\tSampled: true`));
  const [service, own] = await segmentsOf(seen.Root!);
  assert.deepEqual([service.origin, own.origin], ["AWS::Lambda", "AWS::Lambda::Function"]);
  assert.equal(service.parent_id, undefined);
  assert.deepEqual([own.parent_id, own.id], [service.id, seen.Parent]);
  assert.deepEqual(names(own), ["Initialization", "Invocation", "Overhead"]);
  assert.ok(service.start_time <= own.start_time && own.end_time <= service.end_time + 0.001);

  const filters = [
    'service("active")',
    "ok AND responsetime < 100",
    'service(id(name: "active", type: "AWS::Lambda")) { ok }',
  ];
  for (const FilterExpression of filters) {
    const { TraceSummaries = [] } = await xray.send(new GetTraceSummariesCommand({ ...window(), FilterExpression }));
    const found = TraceSummaries.find(({ Id }) => Id === seen.Root);
    assert.ok(found, FilterExpression);
    assert.equal(found.HasFault, false);
    assert.equal(found.EntryPoint?.Name, "active");
  }
});

test("the first call of a second is traced, and of all others few", async () => {
  let sampled = 0;
  const calls = 60;
  const begun = Date.now();
  for (let index = 0; index < calls; index += 1) {
    const { seen } = await call("active");
    if (seen.Sampled === "1") sampled += 1;
  }
  const seconds = Math.ceil((Date.now() - begun) / 1000) + 1;
  // Of calls beyond the first of each second 5 %: by chance more than 20 of 60 is one in a billion.
  assert.ok(sampled >= 1 && sampled <= seconds + 20, `${sampled} of ${calls} in ${seconds} s`);
});

test("whoever calls has decided, and is the parent; without active tracing nobody else decides", async () => {
  const parent = "53995c3f42cd8ad8";
  for (const name of ["active", "passing"]) {
    const kept = newRoot();
    const { seen } = await call(name, `Root=${kept};Parent=${parent};Sampled=1`);
    assert.equal(seen.Root, kept);
    const [service, own] = await segmentsOf(kept);
    assert.deepEqual([service.parent_id, own.id], [parent, seen.Parent], name);
    const not = newRoot();
    assert.equal((await call(name, `Root=${not};Parent=${parent};Sampled=0`)).seen.Parent, parent);
    assert.deepEqual(await segmentsOf(not), []);
  }
  const undecided = newRoot();
  assert.equal((await call("passing", `Root=${undecided}`)).seen.Sampled, undefined);
  assert.equal((await call("passing")).seen.Sampled, "0");
});

test("the answer names the trace, as the caller sent it or as it began", async () => {
  const ask = async (headers: Record<string, string>) => {
    const url = `${server.endpoint}/2015-03-31/functions/passing/invocations`;
    const response = await fetch(url, { method: "POST", body: "{}", headers });
    return partsOf(response.headers.get("x-amzn-trace-id") ?? "");
  };
  const root = newRoot();
  const { Lineage, ...told } = await ask({ "x-amzn-trace-id": `Root=${root};Sampled=0` });
  assert.deepEqual([told, /^1:[0-9a-f]{8}:0$/.test(Lineage!)], [{ Root: root, Sampled: "0" }, true]);
  assert.match((await ask({})).Root ?? "", /^1-[0-9a-f]{8}-[0-9a-f]{24}$/);
});

test("a failure is a fault with its cause", async () => {
  const root = newRoot();
  await call("passing", `Root=${root};Sampled=1`, { fail: true });
  const [service, own] = await segmentsOf(root);
  assert.deepEqual([service.fault, service.http.response.status, own.fault], [undefined, 200, true]);
  const [exception] = own.cause.exceptions;
  assert.deepEqual([exception.type, exception.message], ["TypeError", "as asked"]);
  const FilterExpression = 'fault AND message CONTAINS "as asked" AND !throttle';
  const { TraceSummaries = [] } = await xray.send(new GetTraceSummariesCommand({ ...window(), FilterExpression }));
  assert.ok(TraceSummaries.some(({ Id, HasFault }) => Id === root && HasFault === true));
});

test("who is turned away is a throttle of the service; an asynchronous call goes on in its caller's trace", async () => {
  const code = { "index.js": "exports.handler = async () => {};" };
  await createFunction(lambda, "closed", { code });
  await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName: "closed", ReservedConcurrentExecutions: 0 }));
  const root = newRoot();
  await assert.rejects(call("closed", `Root=${root};Sampled=1`), { name: "TooManyRequestsException" });
  const [service, ...more] = await segmentsOf(root);
  assert.deepEqual([service.throttle, service.error, service.http.response.status, more], [true, true, 429, []]);

  const later = newRoot();
  const parent = "53995c3f42cd8ad8";
  await call("passing", `Root=${later};Parent=${parent};Sampled=1`, {}, "Event");
  while ((await segmentsOf(later)).length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal((await segmentsOf(later))[0].parent_id, parent);
});

test("segments of others are kept, subsegments are put where they belong, and a graph shows who calls whom", async () => {
  const root = newRoot();
  const now = Date.now() / 1000;
  const id = (number: number) => String(number).padStart(16, "0");
  const document = (more: object) => JSON.stringify({ trace_id: root, start_time: now, end_time: now + 0.2, ...more });
  const { seen } = await call("passing", `Root=${root};Parent=${id(1)};Sampled=1`);
  const http = { request: { method: "GET", url: "http://shop/" }, response: { status: 200 } };
  const { UnprocessedTraceSegments = [] } = await xray.send(
    new PutTraceSegmentsCommand({
      TraceSegmentDocuments: [
        document({ id: id(1), name: "shop", annotations: { user: "ada", cart: 3 }, http }),
        document({ id: id(2), name: "DynamoDB", type: "subsegment", parent_id: seen.Parent, namespace: "aws" }),
        document({ id: id(3), name: "inner", type: "subsegment", parent_id: id(2), error: true }),
        document({ id: "x", name: "wrong" }),
        document({ id: id(4), name: "wrong", subsegments: [null] }),
        document({ id: id(5), name: "wrong", trace_id: "1" }),
        "no json",
      ],
    }),
  );
  assert.deepEqual(
    UnprocessedTraceSegments.map(({ ErrorCode }) => ErrorCode),
    ["InvalidId", "InvalidSubsegments", "InvalidTraceId", "ParseError"],
  );
  const segments = await segmentsOf(root);
  assert.deepEqual(segments.map(({ name }) => name).sort(), ["passing", "passing", "shop"]);
  const own = segments.find(({ id }) => id === seen.Parent);
  assert.equal(own.subsegments.at(-1).name, "DynamoDB");
  assert.deepEqual(names(own.subsegments.at(-1)), ["inner"]);

  const fitting = [
    'annotation.user = "ada"',
    "annotation[cart] > 2",
    'http.url BEGINSWITH "http://shop" AND http.status = 200',
    'service("DynamoDB") { error }',
    'NOT (annotation.user = "bob")',
  ];
  const trace = async (FilterExpression: string) => {
    const { TraceSummaries = [] } = await xray.send(new GetTraceSummariesCommand({ ...window(), FilterExpression }));
    return TraceSummaries.find(({ Id }) => Id === root);
  };
  for (const one of fitting) assert.ok(await trace(one), one);
  for (const one of ['annotation.user = "bob"', 'service("shop") { fault }', "responsetime > 5", "partial"]) {
    assert.equal(await trace(one), undefined, one);
  }
  assert.deepEqual((await trace(fitting[0]!))?.Annotations?.user?.[0]?.AnnotationValue, { StringValue: "ada" });

  const { Services = [] } = await xray.send(new GetTraceGraphCommand({ TraceIds: [root] }));
  const edges = Services.flatMap(({ Name, Type, Edges = [] }) =>
    Edges.map(({ ReferenceId }) => {
      const to = Services.find((one) => one.ReferenceId === ReferenceId);
      return `${Name} ${Type} > ${to?.Name} ${to?.Type}`;
    }),
  );
  assert.deepEqual(edges.sort(), [
    "passing AWS::Lambda > passing AWS::Lambda::Function",
    "passing AWS::Lambda::Function > DynamoDB AWS::DynamoDB",
    "shop client > shop remote",
    "shop remote > passing AWS::Lambda",
  ]);
  const graph = await xray.send(new GetServiceGraphCommand(window()));
  assert.ok((graph.Services ?? []).some(({ Name }) => Name === "DynamoDB"));
});

test("X-Ray's own SDK in a function sends its subsegments to the daemon", async (context) => {
  if (server.driver !== "container")
    return context.skip("the daemon's port is there where sandboxes have a network of their own");
  const { outputFiles } = await build({
    stdin: {
      contents: `
        const xray = require("aws-xray-sdk-core");
        exports.handler = () => xray.captureAsyncFunc("count the stock", async (subsegment) => {
          subsegment.addAnnotation("sku", "x-1");
          subsegment.close();
          return process.env._X_AMZN_TRACE_ID;
        });`,
      resolveDir: root,
    },
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    write: false,
    logLevel: "silent",
  });
  const code = { "index.js": Buffer.from(outputFiles[0]!.contents) };
  await createFunction(lambda, "instrumented", { code, TracingConfig: { Mode: "Active" } });
  // The second may be served by a copy of the first's process.
  for (const _ of [1, 2]) {
    const trace = newRoot();
    const { seen } = await call("instrumented", `Root=${trace};Sampled=1`);
    let inner: { annotations?: object }[] = [];
    while (inner.length === 0) {
      const own = (await segmentsOf(trace)).find(({ id }) => id === seen.Parent);
      inner = (own?.subsegments ?? []).filter(({ name }: { name: string }) => name === "count the stock");
      if (inner.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.deepEqual(inner[0]?.annotations, { sku: "x-1" });
  }
});

test("many traces come in pages, whether they fit or not", async () => {
  const put = (from: number) => {
    const TraceSegmentDocuments = Array.from({ length: 50 }, (_, index) => {
      const now = Date.now() / 1000;
      const number = String(from + index).padStart(16, "0");
      const annotations = { even: index % 2 === 0, many: true };
      return JSON.stringify({
        trace_id: newRoot(),
        id: number,
        name: "many",
        start_time: now,
        end_time: now,
        annotations,
      });
    });
    return xray.send(new PutTraceSegmentsCommand({ TraceSegmentDocuments }));
  };
  for (let from = 0; from < 400; from += 50) await put(from);
  const FilterExpression = "annotation.even = true AND annotation.many = true";
  const found = new Set<string | undefined>();
  let pages = 0;
  let NextToken: string | undefined;
  do {
    const page = await xray.send(new GetTraceSummariesCommand({ ...window(), FilterExpression, NextToken }));
    for (const { Id } of page.TraceSummaries ?? []) found.add(Id);
    NextToken = page.NextToken;
    pages += 1;
  } while (NextToken !== undefined);
  assert.equal(found.size, 200);
  assert.ok(pages >= 2, `${pages} pages`);
});

test("what SDKs outside of functions ask is answered, what cannot be is refused", async () => {
  const { SamplingRuleRecords = [] } = await xray.send(new GetSamplingRulesCommand({}));
  assert.deepEqual(
    SamplingRuleRecords.map(({ SamplingRule }) => SamplingRule?.RuleName),
    ["Default"],
  );
  const statistics = {
    RuleName: "Default",
    ClientID: "0".repeat(24),
    Timestamp: new Date(),
    RequestCount: 1,
    SampledCount: 1,
  };
  const targets = await xray.send(new GetSamplingTargetsCommand({ SamplingStatisticsDocuments: [statistics] }));
  assert.equal(targets.SamplingTargetDocuments?.[0]?.ReservoirQuota, 1);
  await xray.send(new PutTelemetryRecordsCommand({ TelemetryRecords: [{ Timestamp: new Date() }] }));
  const wrong = { name: "InvalidRequestException" };
  for (const FilterExpression of ["nonsense", "fault AND", 'service("a"', "(".repeat(200), 'http.url = "x" y']) {
    await assert.rejects(
      xray.send(new GetTraceSummariesCommand({ ...window(), FilterExpression })),
      wrong,
      FilterExpression,
    );
  }
  const { StartTime, EndTime } = window();
  await assert.rejects(xray.send(new GetTraceSummariesCommand({ StartTime: EndTime, EndTime: StartTime })), wrong);
  const TraceIds = Array.from({ length: 6 }, newRoot);
  await assert.rejects(xray.send(new BatchGetTracesCommand({ TraceIds })), wrong);
  const unknown = await xray.send(new BatchGetTracesCommand({ TraceIds: TraceIds.slice(0, 1) }));
  assert.deepEqual(unknown.UnprocessedTraceIds, TraceIds.slice(0, 1));
});
