import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  CloudWatchClient,
  GetMetricDataCommand,
  GetMetricStatisticsCommand,
  ListMetricsCommand,
  type MetricDataQuery,
  PutMetricDataCommand,
} from "@aws-sdk/client-cloudwatch";
import {
  AddPermissionCommand,
  CreateAliasCommand,
  CreateFunctionUrlConfigCommand,
  InvokeCommand,
} from "@aws-sdk/client-lambda";
import { encodeCbor } from "../../src/edge/aws/cloudwatch/cbor.ts";
import fc from "../properties.ts";
import { pythonWithBoto3, runClient } from "./clients.ts";
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

let server: Server;
let cloudwatch: CloudWatchClient;

before(async () => {
  server = await startServer();
  cloudwatch = new CloudWatchClient({
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
});
after(() => server?.[Symbol.asyncDispose]());

const window = () => ({ StartTime: new Date(Date.now() - 3600_000), EndTime: new Date(Date.now() + 60_000) });

const metric = (Id: string, MetricName: string, Stat: string, FunctionName: string): MetricDataQuery => ({
  Id,
  ReturnData: false,
  MetricStat: {
    Metric: { Namespace: "AWS/Lambda", MetricName, Dimensions: [{ Name: "FunctionName", Value: FunctionName }] },
    Period: 3600,
    Stat,
  },
});

test("answers of a function URL are counted by their status, of an alias's URL for the alias, too", async () => {
  const lambda = lambdaOf(server);
  const FunctionName = "addressed";
  const code = { "index.js": "exports.handler = async ({ rawPath }) => ({ statusCode: Number(rawPath.slice(1)) });" };
  await createFunction(lambda, FunctionName, { code, Publish: true });
  await lambda.send(new CreateAliasCommand({ FunctionName, Name: "live", FunctionVersion: "1" }));
  for (const Qualifier of [undefined, "live"]) {
    const { FunctionUrl = "" } = await lambda.send(
      new CreateFunctionUrlConfigCommand({ FunctionName, Qualifier, AuthType: "NONE" }),
    );
    const Action = ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"];
    for (const [index, one] of Action.entries()) {
      const allowed = { FunctionName, Qualifier, StatementId: `all-${index}`, Principal: "*", Action: one };
      await lambda.send(new AddPermissionCommand(allowed));
    }
    const { host } = new URL(FunctionUrl);
    for (const status of [200, 404, 503, 503]) {
      assert.equal((await ask(server.port, host, `/${status}`)).status, status);
    }
  }
  const sum = async (MetricName: string, ...more: { Name: string; Value: string }[]) => {
    const Dimensions = [{ Name: "FunctionName", Value: FunctionName }, ...more];
    const { Datapoints = [] } = await cloudwatch.send(
      new GetMetricStatisticsCommand({
        ...window(),
        Namespace: "AWS/Lambda",
        MetricName,
        Dimensions,
        Period: 7200,
        Statistics: ["Sum", "SampleCount"],
      }),
    );
    return Datapoints.reduce((all, { Sum = 0 }) => all + Sum, 0);
  };
  const names = ["UrlRequestCount", "Url4xxCount", "Url5xxCount"];
  assert.deepEqual(await Promise.all(names.map((name) => sum(name))), [8, 2, 4]);
  const alias = { Name: "Resource", Value: `${FunctionName}:live` };
  assert.deepEqual(await Promise.all(names.map((name) => sum(name, alias))), [4, 1, 2]);
  assert.ok((await sum("UrlRequestLatency")) > 0);
});

/** A request for a host that no name server knows. */
async function ask(port: number, host: string, path: string): Promise<{ readonly status: number | undefined }> {
  const request = get({ host: "127.0.0.1", port, path, headers: { host } });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  await response.resume().toArray();
  return { status: response.statusCode };
}

test("what a function did is there at once: sums, rates by metric math, percentiles, and for Prometheus", async () => {
  const lambda = lambdaOf(server);
  const FunctionName = "metered";
  await createFunction(lambda, FunctionName, {
    code: { "index.js": "exports.handler = async (event) => { if (event.fail) throw new Error('as asked'); };" },
  });
  for (const fail of [false, true, false, false]) {
    await lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify({ fail }) }));
  }
  const { MetricDataResults: results = [] } = await cloudwatch.send(
    new GetMetricDataCommand({
      ...window(),
      MetricDataQueries: [
        { ...metric("invocations", "Invocations", "Sum", FunctionName), ReturnData: true },
        { ...metric("errors", "Errors", "Average", FunctionName), ReturnData: true },
        metric("failed", "Errors", "Sum", FunctionName),
        { Id: "rate", Expression: "100 * SUM(failed) / SUM(invocations)", Label: "Error rate" },
        { ...metric("slow", "Duration", "p99", FunctionName), ReturnData: true },
        { ...metric("atonce", "ConcurrentExecutions", "Maximum", FunctionName), ReturnData: true },
      ],
    }),
  );
  const values = Object.fromEntries(results.map(({ Id, Values = [] }) => [Id, Values]));
  // An hour may have ended between the calls.
  const sum = (list: readonly number[] = []) => list.reduce((total, one) => total + one, 0);
  assert.equal(sum(values.invocations), 4);
  assert.ok(values.rate?.every((one: number) => one === 25));
  assert.ok(values.slow?.every((one: number) => one > 0));
  assert.equal(Math.max(...values.atonce!), 1);
  assert.equal(results.find(({ Id }) => Id === "rate")?.Label, "Error rate");

  const { Metrics = [] } = await cloudwatch.send(
    new ListMetricsCommand({ Namespace: "AWS/Lambda", Dimensions: [{ Name: "FunctionName", Value: FunctionName }] }),
  );
  assert.deepEqual([...new Set(Metrics.map(({ MetricName }) => MetricName))].sort(), [
    "ConcurrentExecutions",
    "Duration",
    "Errors",
    "Invocations",
    "Throttles",
  ]);

  const text = await (await fetch(`${server.endpoint}/_thaw/metrics`)).text();
  assert.match(text, /^thaw_invocations_total\{function="metered",account="\d{12}"\} 4$/m);
  assert.match(text, /^thaw_invocation_errors_total\{function="metered",account="\d{12}"\} 1$/m);
  assert.match(text, /^thaw_invoke_duration_seconds_bucket\{.*function="metered".*le="\+Inf"\} 4$/m);
  assert.match(text, /^thaw_start_duration_seconds_count\{.*kind="\w+"\} \d$/m);
});

test("what clients put is there with its statistics, and survives the platform's death", async () => {
  await using own = await startServer();
  const client = new CloudWatchClient({
    endpoint: own.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const Timestamp = new Date(Date.now() - 120_000);
  await client.send(
    new PutMetricDataCommand({
      Namespace: "Shop",
      MetricData: [
        { MetricName: "Size", Values: [1, 2, 10], Counts: [5, 4, 1], Unit: "Bytes", Timestamp },
        { MetricName: "Set", StatisticValues: { SampleCount: 2, Sum: 6, Minimum: 1, Maximum: 5 }, Timestamp },
      ],
    }),
  );
  await own.kill();
  await using again = await startServer({ dataDir: own.dataDir });
  const later = new CloudWatchClient({
    endpoint: again.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const read = async (MetricName: string) =>
    (
      await later.send(
        new GetMetricStatisticsCommand({
          ...window(),
          Namespace: "Shop",
          MetricName,
          Period: 60,
          Statistics: ["Sum", "SampleCount", "Maximum"],
          ExtendedStatistics: ["p90"],
        }),
      )
    ).Datapoints;
  const [size, ...more] = (await read("Size")) ?? [];
  assert.deepEqual([size?.Sum, size?.SampleCount, size?.Maximum, size?.Unit, more], [23, 10, 10, "Bytes", []]);
  assert.ok(Math.abs((size?.ExtendedStatistics?.p90 ?? 0) - 2) < 0.05);
  const [set] = (await read("Set")) ?? [];
  assert.deepEqual([set?.Sum, set?.SampleCount, set?.Unit, set?.ExtendedStatistics], [6, 2, "None", undefined]);
});

test("a line in the embedded metric format is a metric", async () => {
  const lambda = lambdaOf(server);
  const FunctionName = "embedding";
  await createFunction(lambda, FunctionName, {
    code: {
      "index.js": `exports.handler = async () => {
        const Metrics = [{ Name: "Sold", Unit: "Count" }];
        const CloudWatchMetrics = [{ Namespace: "Embedded", Dimensions: [["Kind"]], Metrics }];
        process.stdout.write(JSON.stringify({ _aws: { Timestamp: Date.now(), CloudWatchMetrics }, Kind: "book", Sold: 3 }) + "\\n");
      };`,
    },
  });
  await lambda.send(new InvokeCommand({ FunctionName }));
  const read = new GetMetricStatisticsCommand({
    ...window(),
    Namespace: "Embedded",
    MetricName: "Sold",
    Dimensions: [{ Name: "Kind", Value: "book" }],
    Period: 60,
    Statistics: ["Sum"],
  });
  let { Datapoints = [] } = await cloudwatch.send(read);
  // What a function prints may come a moment after its answer.
  while (Datapoints.length === 0) ({ Datapoints = [] } = await cloudwatch.send(read));
  assert.deepEqual(
    Datapoints.map(({ Sum, Unit }) => [Sum, Unit]),
    [[3, "Count"]],
  );
});

test("what is wrong is refused by the names that AWS has for it, and nothing of it is kept", async () => {
  const put = (MetricData: object[]) =>
    cloudwatch.send(new PutMetricDataCommand({ Namespace: "Wrong", MetricData: MetricData as never }));
  const good = { MetricName: "A", Value: 1 };
  const old = { MetricName: "A", Value: 1, Timestamp: new Date(0) };
  await assert.rejects(put([good, old]), { name: "InvalidParameterValueException" });
  await assert.rejects(put([good, { MetricName: "A" }]), { name: "MissingRequiredParameterException" });
  await assert.rejects(put([good, { ...good, Values: [1] }]), { name: "InvalidParameterCombinationException" });
  const { Metrics } = await cloudwatch.send(new ListMetricsCommand({ Namespace: "Wrong" }));
  assert.deepEqual(Metrics, []);
  const math = (Expression: string) =>
    cloudwatch.send(new GetMetricDataCommand({ ...window(), MetricDataQueries: [{ Id: "e", Expression }] }));
  for (const wrong of ["1 +", "nothing + 1", "FROBNICATE(1)", "e", "((((1"]) {
    await assert.rejects(math(wrong), { name: "ValidationException" });
  }
});

test("boto3, and an older client of the Query protocol, are understood and understand", async (t) => {
  const python = await pythonWithBoto3().catch((error: Error) => error);
  if (python instanceof Error) return t.skip(`no Python with boto3: ${python.message}`);
  const path = join(import.meta.dirname, "fixtures", "boto3_cloudwatch.py");
  const { code, stdout, stderr } = await runClient(python.program, [path], { ...server.env, ...python.env });
  assert.equal(code, 0, stderr);
  assert.deepEqual(stdout.trim().split("\n"), ["cbor", "query"]);
});

test("CBOR that is cut off anywhere, or has other bits, is refused in the protocol's words and changes nothing", async () => {
  const put = (body: Uint8Array) =>
    fetch(`${server.endpoint}/service/GraniteServiceVersion20100801/operation/PutMetricData`, {
      method: "POST",
      body: new Uint8Array(body),
      headers: {
        "content-type": "application/cbor",
        "smithy-protocol": "rpc-v2-cbor",
        authorization: "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/monitoring/aws4_request",
      },
    });
  const document = (Namespace: string) =>
    encodeCbor({ Namespace, MetricData: [{ MetricName: "m", Value: 1.5, Dimensions: [{ Name: "a", Value: "b" }] }] });
  const whole = document("Cut");
  for (let length = 0; length < whole.length; length++) {
    const answer = await put(whole.subarray(0, length));
    assert.equal(answer.status, 400, `${length} of ${whole.length} bytes: ${await answer.text()}`);
    assert.equal(answer.headers.get("smithy-protocol"), "rpc-v2-cbor");
  }
  const { Metrics = [] } = await cloudwatch.send(new ListMetricsCommand({ Namespace: "Cut" }));
  assert.deepEqual(Metrics, []);
  const noise = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(noise, async (changes) => {
      const bytes = Buffer.from(document("Bits"));
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      const answer = await put(bytes);
      assert.ok(answer.status === 200 || answer.status === 400, `${answer.status} ${bytes.toString("hex")}`);
      await answer.arrayBuffer();
    }),
    { numRuns: 150 },
  );
});
