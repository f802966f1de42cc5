/**
 * `npm run pictures` takes the documentation's pictures of the dashboard: a platform with some functions, five minutes of calls, a
 * browser. It needs Chromium (on the PATH, or named by THAW_TEST_CHROMIUM).
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { CloudWatchClient, PutMetricAlarmCommand, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import {
  CreateAliasCommand,
  CreateEventSourceMappingCommand,
  InvokeCommand,
  type LambdaClient,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  PutProvisionedConcurrencyConfigCommand,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import { CreateQueueCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Page } from "playwright-core";
import { createFunction, invoke, lambdaOf, updated } from "../tests/e2e/lambda.ts";
import { type Server, startServer } from "../tests/e2e/server.ts";
import { openBrowser, openDashboard, skip } from "../tests/web/browser.ts";
import { withPalette } from "./palette.ts";

const folder = resolve(process.env.THAW_PICTURES ?? join(import.meta.dirname, "../docs/images"));
const minutes = Number(process.argv[2] ?? 5);

const handler = `exports.handler = async (event) => {
  console.log("order", event.order ?? event.Records?.length, "taken");
  await new Promise((done) => setTimeout(done, event.ms ?? 20));
  if (event.order % 40 === 0) throw new Error("out of stock");
  return { taken: event.order };
};
`;
const large = "const pixels = [];\n";
const busy = "const until = Date.now() + 120;\nwhile (Date.now() < until);\n\n";
const functions = [
  { name: "checkout", about: "Takes an order", code: handler },
  {
    name: "thumbnails",
    about: "Makes small pictures of large ones",
    code:
      large + handler.replace("  await", "  if (pixels.length < 9) pixels.push(Buffer.alloc(8 << 20, 1));\n  await"),
  },
  { name: "nightly-report", about: "", code: busy + handler },
  { name: "search", about: "", code: handler, Environment: { Variables: { THAW_SNAPSHOT: "off" } } },
];

async function furnish(server: Server, lambda: LambdaClient, sqs: SQSClient): Promise<string> {
  for (const { name, about, code, Environment } of functions) {
    const more = Environment === undefined ? {} : { Environment };
    await createFunction(lambda, name, {
      code: { "index.js": code, "lib/prices.js": "exports.tax = 0.19;\n" },
      Description: about,
      ...more,
    });
  }
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "orders" }));
  const EventSourceArn = "arn:aws:sqs:us-east-1:000000000000:orders";
  await lambda.send(new CreateEventSourceMappingCommand({ FunctionName: "thumbnails", EventSourceArn }));
  const { Version } = await lambda.send(new PublishVersionCommand({ FunctionName: "checkout" }));
  await lambda.send(new CreateAliasCommand({ FunctionName: "checkout", Name: "live", FunctionVersion: Version }));
  await lambda.send(
    new PutProvisionedConcurrencyConfigCommand({
      FunctionName: "checkout",
      Qualifier: "live",
      ProvisionedConcurrentExecutions: 4,
    }),
  );
  await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName: "search", ReservedConcurrentExecutions: 25 }));
  const cloudWatch = new CloudWatchClient(settings(server));
  const watched = { Namespace: "AWS/Lambda", Statistic: "Sum", Period: 60, EvaluationPeriods: 1 } as const;
  await cloudWatch.send(
    new PutMetricAlarmCommand({
      ...watched,
      AlarmName: "checkout-fails",
      AlarmDescription: "Somebody wanted to buy and could not",
      MetricName: "Errors",
      Dimensions: [{ Name: "FunctionName", Value: "checkout" }],
      Threshold: 2,
      ComparisonOperator: "GreaterThanThreshold",
    }),
  );
  await cloudWatch.send(
    new PutMetricAlarmCommand({
      ...watched,
      AlarmName: "throttled",
      MetricName: "Throttles",
      Threshold: 0,
      ComparisonOperator: "GreaterThanThreshold",
    }),
  );
  const MetricData = Array.from({ length: 15 }, (_, minute) => ({
    MetricName: "Orders",
    Timestamp: new Date(Date.now() - (15 - minute) * 60_000),
    Value: 40 + 25 * Math.sin(minute / 2),
  }));
  await cloudWatch.send(new PutMetricDataCommand({ Namespace: "Shop", MetricData }));
  cloudWatch.destroy();
  return QueueUrl!;
}

const settings = (server: Server) => ({
  endpoint: server.endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
});

const eventOf = (FunctionName: string, order: number) =>
  new InvokeCommand({
    FunctionName,
    InvocationType: "Event",
    Payload: Buffer.from(JSON.stringify({ order: order + 1 })),
  });

/** Traffic with a shape: waves, and now and then many at once. */
async function traffic(lambda: LambdaClient, sqs: SQSClient, QueueUrl: string, over: AbortSignal): Promise<void> {
  for (let order = 1; !over.aborted; order++) {
    const wide = order % 25 === 0 ? 2 + ((order / 25) % 6) : 1;
    const called = functions.slice(0, order % 5 === 0 ? 4 : 2);
    const calls = called.flatMap(({ name }, place) =>
      Array.from({ length: wide }, () => invoke(lambda, name, { order, ms: 10 + 140 * place })),
    );
    const message = new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify({ order }) });
    // nobody waits for these
    const later = order % 3 === 0 ? [lambda.send(eventOf("search", order))] : [];
    await Promise.allSettled([...calls, ...later, sqs.send(message)]);
    await pause(250 + 200 * Math.sin(order / 40));
  }
}

/** All functions at once, some with another configuration than before: starts of every kind. */
async function burst(lambda: LambdaClient, order: number): Promise<void> {
  for (const FunctionName of ["nightly-report", "checkout"]) {
    await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Description: `as of order ${order}` }));
    await updated(lambda, FunctionName);
  }
  const calls = functions.flatMap(({ name }, place) =>
    Array.from({ length: 9 - 2 * place }, (_, many) => invoke(lambda, name, { order, ms: 300 + 40 * many })),
  );
  await Promise.allSettled(calls);
}

const pages = [
  ["starts", "/"],
  ["metrics", "/metrics"],
  ["functions", "/functions"],
  ["function", "/functions/checkout"],
  ["code", "/functions/nightly-report/code"],
  ["environments", "/environments"],
  ["concurrency", "/concurrency"],
  ["images", "/images"],
  ["sources", "/sources"],
  ["queues", "/queues"],
  ["alarms", "/alarms"],
  ["cost", "/cost"],
] as const;

async function take(page: Page, name: string, path: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(path)}`);
  await page.locator("table tbody tr, .row, .cell, .plane, .fall").first().waitFor();
  // what is polled has come, and the little courses have begun
  await pause(name === "sources" ? 15_000 : 3000);
  if (name === "function") {
    await page.getByRole("button", { name: "Invoke", exact: true }).click();
    await page.locator("pre").first().waitFor();
  }
  writeFileSync(join(folder, `dashboard-${name}.png`), withPalette(await page.screenshot()));
}

if (skip !== false) throw new Error(skip);
mkdirSync(folder, { recursive: true });
const server = await startServer({ env: { THAW_FREEZE_AFTER: "1000" } });
const lambda = lambdaOf(server);
const sqs = new SQSClient(settings(server));
const browser = await openBrowser();
const over = new AbortController();
try {
  const calls = traffic(lambda, sqs, await furnish(server, lambda, sqs), over.signal);
  await pause(minutes * 60_000);
  for (const order of [1001, 1002, 1003]) {
    await burst(lambda, order);
    await pause(9000);
  }
  const { page } = await openDashboard(browser, server.endpoint, { width: 1280, height: 860 });
  for (const [name, path] of pages) await take(page, name, path);
  const dark = await openDashboard(browser, server.endpoint, { width: 1280, height: 860, colorScheme: "dark" });
  await take(dark.page, "dark", "/metrics");
  const phone = await openDashboard(browser, server.endpoint, { width: 390, height: 844 });
  await take(phone.page, "phone", "/");
  over.abort();
  await calls;
} finally {
  over.abort();
  await browser.close();
  lambda.destroy();
  sqs.destroy();
  await server[Symbol.asyncDispose]();
}
