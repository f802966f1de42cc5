import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { CloudWatchClient, GetMetricStatisticsCommand, ListMetricsCommand } from "@aws-sdk/client-cloudwatch";
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DeleteMetricFilterCommand,
  DescribeMetricFiltersCommand,
  DescribeQueriesCommand,
  GetLogGroupFieldsCommand,
  GetLogRecordCommand,
  GetQueryResultsCommand,
  PutLogEventsCommand,
  PutMetricFilterCommand,
  type PutMetricFilterCommandInput,
  StartQueryCommand,
  StopQueryCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { InvokeCommand } from "@aws-sdk/client-lambda";
import { thaw } from "../cli/thaw.ts";
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

let server: Server;
let logs: CloudWatchLogsClient;
before(async () => {
  server = await startServer();
  logs = new CloudWatchLogsClient(config(server));
});
after(async () => {
  logs?.destroy();
  await server?.[Symbol.asyncDispose]();
});

const config = ({ endpoint }: Server) => ({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  maxAttempts: 1,
});

async function makeGroup(
  client: CloudWatchLogsClient,
  logGroupName: string,
): Promise<(...messages: string[]) => Promise<void>> {
  await client.send(new CreateLogGroupCommand({ logGroupName }));
  await client.send(new CreateLogStreamCommand({ logGroupName, logStreamName: "s" }));
  return async (...messages) => {
    const timestamp = Date.now();
    const logEvents = messages.map((message) => ({ message, timestamp }));
    await client.send(new PutLogEventsCommand({ logGroupName, logStreamName: "s", logEvents }));
  };
}

const window = () => ({ startTime: Math.floor(Date.now() / 1000) - 600, endTime: Math.floor(Date.now() / 1000) + 60 });

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await pause(20);
}

async function ended(queryId: string | undefined) {
  for (;;) {
    const found = await logs.send(new GetQueryResultsCommand({ queryId }));
    if (found.status !== "Scheduled" && found.status !== "Running") return found;
    await pause(50);
  }
}

test("queries of what a function wrote, by AWS's client and by the command line", async () => {
  const lambda = lambdaOf(server);
  const code = { "index.js": "exports.handler = async ({ n }) => console.log(JSON.stringify({ order: { n } }));" };
  await createFunction(lambda, "orders", { code, MemorySize: 128 });
  for (const n of [1, 2, 3]) {
    await lambda.send(new InvokeCommand({ FunctionName: "orders", Payload: JSON.stringify({ n }) }));
  }
  const logGroupName = "/aws/lambda/orders";
  const queryString =
    'filter @type = "REPORT" | stats count(*) as calls, count(@initDuration) as starts, max(@memorySize) by @log';
  const { queryId } = await logs.send(new StartQueryCommand({ logGroupName, queryString, ...window() }));
  const { results, statistics, status } = await ended(queryId);
  assert.equal(status, "Complete");
  assert.deepEqual(results, [
    [
      { field: "@log", value: "000000000000:/aws/lambda/orders" },
      { field: "calls", value: "3" },
      { field: "starts", value: "1" },
      { field: "max(@memorySize)", value: "128000000" },
    ],
  ]);
  assert.equal(statistics?.recordsMatched, 3);
  assert.ok((statistics?.recordsScanned ?? 0) >= 12);

  const second = {
    logGroupNames: [logGroupName],
    queryString: "filter order.n > 1 | sort order.n asc | fields order.n",
  };
  const found = await ended((await logs.send(new StartQueryCommand({ ...second, ...window() }))).queryId);
  assert.deepEqual(
    found.results?.map(([first]) => first?.value),
    ["2", "3"],
  );
  const logRecordPointer = found.results?.[0]?.at(-1)?.value;
  const { logRecord = {} } = await logs.send(new GetLogRecordCommand({ logRecordPointer }));
  assert.equal(logRecord["order.n"], "2");
  assert.match(logRecord["@message"] ?? "", /INFO/);

  const { logGroupFields = [] } = await logs.send(new GetLogGroupFieldsCommand({ logGroupName }));
  assert.deepEqual(logGroupFields[0], { name: "@timestamp", percent: 100 });
  const { queries = [] } = await logs.send(new DescribeQueriesCommand({ logGroupName, status: "Complete" }));
  assert.deepEqual(queries.map((one) => one.queryId).includes(queryId), true);
  await assert.rejects(logs.send(new StopQueryCommand({ queryId })), { name: "InvalidParameterException" });

  const args = ["logs", "query", 'filter @type = "REPORT" | stats count(*) as calls', "--function", "orders"];
  const table = await thaw(args, { env: server.env });
  assert.match(table.stdout, /^calls\n3\n$/, table.stderr);
  const { stdout } = await thaw([...args, "--json"], { env: server.env });
  assert.deepEqual(JSON.parse(stdout).results, [{ calls: "3" }]);
  const wrong = await thaw(["logs", "query", "filter @type ="], { env: server.env });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /filter @type =\n\s+\^/);
});

test("a malformed query is refused with the place, an unknown group by its name", async () => {
  await makeGroup(logs, "some");
  const start = (given: object) => logs.send(new StartQueryCommand({ queryString: "", ...window(), ...given }));
  await assert.rejects(start({ logGroupName: "some", queryString: "fields @message | fliter x = 1" }), {
    name: "MalformedQueryException",
    queryCompileError: {
      location: { startCharOffset: 18, endCharOffset: 24 },
      message: "unexpected symbol found fliter at line 1 and position 19",
    },
  });
  await assert.rejects(start({ logGroupName: "nobody" }), { name: "ResourceNotFoundException" });
  await assert.rejects(start({}), { name: "InvalidParameterException" });
  await assert.rejects(start({ logGroupName: "some", logGroupNames: ["some"] }), { name: "InvalidParameterException" });
  await assert.rejects(start({ logGroupName: "some", startTime: 10, endTime: 5 }), {
    name: "InvalidParameterException",
  });
  await assert.rejects(logs.send(new GetQueryResultsCommand({ queryId: "nobody" })), {
    name: "ResourceNotFoundException",
  });
  await assert.rejects(logs.send(new GetLogRecordCommand({ logRecordPointer: "bm8=" })), {
    name: "InvalidParameterException",
  });
});

test("a query that would take for ever does not hold up the platform, and is stopped", async () => {
  const put = await makeGroup(logs, "hostile");
  await put(`${"a".repeat(200)}!`);
  const queryString = "filter @message like /^(a+)+$/";
  const { queryId } = await logs.send(new StartQueryCommand({ logGroupName: "hostile", queryString, ...window() }));
  while ((await logs.send(new GetQueryResultsCommand({ queryId }))).status === "Scheduled") await pause(20);
  assert.equal((await logs.send(new GetQueryResultsCommand({ queryId }))).status, "Running");
  if (process.platform === "linux") {
    // Field 19 of proc(5)'s stat, behind the name in parentheses.
    const folder = `/proc/${server.process.pid}/task`;
    const niceOf = (thread: string | number) =>
      Number(
        readFileSync(`${folder}/${thread}/stat`, "utf8")
          .replace(/^.*\) /s, "")
          .split(" ")[16],
      );
    await until(() => readdirSync(folder).some((thread) => niceOf(thread) === 19));
    if (getPriority() < 19) assert.ok(niceOf(server.process.pid!) < 19);
  }
  assert.equal((await logs.send(new StopQueryCommand({ queryId }))).success, true);
  assert.equal((await ended(queryId)).status, "Cancelled");
});

async function sumOf(client: CloudWatchClient, MetricName: string, Dimensions: { Name: string; Value: string }[] = []) {
  const time = { StartTime: new Date(Date.now() - 3600_000), EndTime: new Date(Date.now() + 60_000), Period: 60 };
  const of = { Namespace: "Shop", MetricName, Dimensions, Statistics: ["Sum" as const, "SampleCount" as const] };
  const { Datapoints = [] } = await client.send(new GetMetricStatisticsCommand({ ...time, ...of }));
  const total = (name: "Sum" | "SampleCount") => Datapoints.reduce((sum, point) => sum + (point[name] ?? 0), 0);
  return { sum: total("Sum"), count: total("SampleCount"), unit: Datapoints[0]?.Unit };
}

test("metric filters count texts, fields and JSON, also behind a kill", async () => {
  await using first = await startServer();
  const client = new CloudWatchLogsClient(config(first));
  const put = await makeGroup(client, "shop");
  const filter = (filterName: string, filterPattern: string, transformation: object) =>
    client.send(
      new PutMetricFilterCommand({
        logGroupName: "shop",
        filterName,
        filterPattern,
        metricTransformations: [
          { metricNamespace: "Shop", metricName: filterName, metricValue: "1", ...transformation },
        ],
      } as PutMetricFilterCommandInput),
    );
  await put("ERROR before there was a filter");
  await filter("errors", "ERROR", { defaultValue: 0 });
  await filter("latency", "{ $.ms = * }", {
    metricValue: "$.ms",
    unit: "Milliseconds",
    dimensions: { Page: "$.page" },
  });
  await filter("bytes", "[ip, status = 5*, bytes]", { metricValue: "$bytes" });
  await put("ERROR one", "ERROR two", "fine", '{"ms":20,"page":"cart"}', '{"ms":"x","page":"cart"}', '{"ms":5}');
  await put("10.0.0.1 503 100", "10.0.0.1 200 100", "10.0.0.2 500 20");

  const metrics = new CloudWatchClient(config(first));
  const page = [{ Name: "Page", Value: "cart" }];
  for (;;) {
    if ((await sumOf(metrics, "bytes")).count === 2) break;
    await pause(50);
  }
  assert.deepEqual(await sumOf(metrics, "errors"), { sum: 2, count: 2, unit: "None" });
  assert.deepEqual(await sumOf(metrics, "latency", page), { sum: 20, count: 1, unit: "Milliseconds" });
  assert.deepEqual(await sumOf(metrics, "latency"), { sum: 5, count: 1, unit: "Milliseconds" });
  assert.deepEqual(await sumOf(metrics, "bytes"), { sum: 120, count: 2, unit: "None" });
  assert.equal((await metrics.send(new ListMetricsCommand({ Namespace: "Shop" }))).Metrics?.length, 4);

  const { metricFilters = [] } = await client.send(new DescribeMetricFiltersCommand({ logGroupName: "shop" }));
  assert.deepEqual(
    metricFilters.map(({ filterName }) => filterName),
    ["bytes", "errors", "latency"],
  );
  const of = { metricName: "errors", metricNamespace: "Shop" };
  assert.equal((await client.send(new DescribeMetricFiltersCommand(of))).metricFilters?.length, 1);
  await client.send(new DeleteMetricFilterCommand({ logGroupName: "shop", filterName: "latency" }));

  for (const [pattern, transformation] of [
    ["ERROR", { metricNamespace: "AWS/Lambda" }],
    ["ERROR", { metricValue: "many" }],
    ["ERROR", { metricValue: "$.ms" }],
    ["{ $.a = 1 }", { dimensions: { A: "$.a" }, defaultValue: 0 }],
    ["{ $.a = ", {}],
  ] as const) {
    await assert.rejects(filter("wrong", pattern, transformation), { name: "InvalidParameterException" }, pattern);
  }
  await first.kill();
  await using second = await startServer({ dataDir: first.dataDir });
  const again = new CloudWatchLogsClient(config(second));
  const later = new CloudWatchClient(config(second));
  const before = (await sumOf(later, "errors")).count;
  const timestamp = Date.now();
  const logEvents = [{ message: "ERROR three", timestamp }];
  await again.send(new PutLogEventsCommand({ logGroupName: "shop", logStreamName: "s", logEvents }));
  while ((await sumOf(later, "errors")).count !== before + 1) await pause(50);
});
