import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CloudWatchClient, PutMetricAlarmCommand, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { CreateRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import {
  CreateEventSourceMappingCommand,
  type LambdaClient,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  PutProvisionedConcurrencyConfigCommand,
} from "@aws-sdk/client-lambda";
import { CreateQueueCommand, GetQueueAttributesCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Browser, Page } from "playwright-core";
import { createFunction, invoke, lambdaOf } from "../e2e/lambda.ts";
import { type Server, startServer } from "../e2e/server.ts";
import { faults, openBrowser, openDashboard, skip } from "./browser.ts";

/** Where pictures of what is tested are to go; the documentation has some of them. */
const pictures = process.env.THAW_TEST_SCREENSHOTS;

const code = `exports.handler = async (event) => {
  console.log("order", event.order);
  await new Promise((done) => setTimeout(done, event.ms ?? 5));
  if (event.fail) throw new Error("no such order");
  return { taken: event.order };
};`;
const slow = `const until = Date.now() + 120; while (Date.now() < until);\n${code}`;
const pages = {
  starts: "How your functions start",
  metrics: "Metrics",
  functions: "Functions",
  environments: "Environments",
  concurrency: "Concurrency",
  sources: "Event sources",
  queues: "Queues",
  images: "Images",
  alarms: "Alarms",
  cost: "Cost",
};

/** Parts of a function's page, and what each must show. */
const tabs = { "": ".fall", metrics: ".plane", code: ".source pre span", settings: "dd:text-is('index.handler')" };

let server: Server;
let browser: Browser;
let lambda: LambdaClient;
let sqs: SQSClient;
let QueueUrl: string | undefined;
let load: Promise<void>;
let loading = true;

/** Calls that come at once and others that come one by one, until the tests are over. */
async function keepCalling(): Promise<void> {
  for (let order = 0; loading; order++) {
    const many = order % 6 === 0 ? 3 : 1;
    const calls = ["checkout", "report"].flatMap((name) =>
      Array.from({ length: many }, () => invoke(lambda, name, { order, ms: 5 })),
    );
    const message = new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify({ order }) });
    // A platform that ends first is not what is tested here.
    await Promise.allSettled([...calls, sqs.send(message)]);
    await new Promise((next) => setTimeout(next, 100));
  }
}

before(async () => {
  if (skip !== false) return;
  server = await startServer();
  lambda = lambdaOf(server);
  browser = await openBrowser();
  await createFunction(lambda, "checkout", { code: { "index.js": code }, Description: "Takes an order" });
  await createFunction(lambda, "report", { code: { "index.js": slow } });
  sqs = new SQSClient({
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  ({ QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "orders" })));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }));
  await lambda.send(
    new CreateEventSourceMappingCommand({ FunctionName: "checkout", EventSourceArn: Attributes!.QueueArn }),
  );
  const cloudWatch = new CloudWatchClient({
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  await cloudWatch.send(
    new PutMetricAlarmCommand({
      AlarmName: "failing",
      Namespace: "AWS/Lambda",
      MetricName: "Errors",
      Statistic: "Sum",
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 0,
      ComparisonOperator: "GreaterThanThreshold",
    }),
  );
  // What functions measure themselves, over the last minutes.
  const minutes = Array.from({ length: 12 }, (_, minute) => ({
    MetricName: "Orders",
    Timestamp: new Date(Date.now() - (12 - minute) * 60_000),
    Value: 40 + 25 * Math.sin(minute / 2),
  }));
  await cloudWatch.send(new PutMetricDataCommand({ Namespace: "Shop", MetricData: minutes }));
  cloudWatch.destroy();
  await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName: "report", ReservedConcurrentExecutions: 20 }));
  const { Version } = await lambda.send(new PublishVersionCommand({ FunctionName: "checkout" }));
  await lambda.send(
    new PutProvisionedConcurrencyConfigCommand({
      FunctionName: "checkout",
      Qualifier: Version,
      ProvisionedConcurrentExecutions: 2,
    }),
  );
  load = keepCalling();
});

after(async () => {
  loading = false;
  await load;
  await browser?.close();
  lambda?.destroy();
  sqs?.destroy();
  await server?.stop();
});

async function go(page: Page, path: string, heading: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(path)}`);
  await page.getByRole("heading", { level: 1, name: heading, exact: true }).waitFor();
}

async function picture(page: Page, name: string): Promise<void> {
  if (pictures === undefined) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`) });
}

const looks = [
  { name: "light", width: 1280, height: 860, colorScheme: "light" },
  { name: "dark", width: 1280, height: 860, colorScheme: "dark" },
  { name: "phone", width: 390, height: 844, colorScheme: "light" },
] as const;
for (const look of looks) {
  test(`every page can be read and used, and complains of nothing, under load: ${look.name}`, { skip }, async () => {
    const { page, complaints } = await openDashboard(browser, server.endpoint, look);
    await page.getByRole("status").getByText("Live").waitFor();
    await page.locator(".row").first().waitFor();
    const found: string[] = [];
    for (const [name, heading] of Object.entries(pages)) {
      await go(page, name === "starts" ? "/" : `/${name}`, heading);
      await page.locator("table tbody tr, .row, .cell, .empty, .plane").first().waitFor();
      found.push(...(await faults(page)).map((fault) => `${name}: ${fault}`));
      await picture(page, `${name}-${look.name}`);
    }
    for (const [tab, shows] of Object.entries(tabs)) {
      await go(page, `/functions/checkout/${tab}`, "checkout");
      await page.locator(shows).first().waitFor();
      found.push(...(await faults(page)).map((fault) => `function, ${tab}: ${fault}`));
      await picture(page, `function-${tab || "overview"}-${look.name}`);
    }
    assert.deepEqual(found, []);
    assert.deepEqual(complaints, []);
    await page.close();
  });
}

test("a start shows where its time went, which rung it took, and why", { skip }, async () => {
  const { page } = await openDashboard(browser, server.endpoint);
  const row = page.locator(".row", { hasText: "report" }).last();
  await row.click();
  assert.equal(await row.getAttribute("aria-pressed"), "true");
  const story = page.locator(".card", { hasText: "Where its time went" });
  assert.match(await story.innerText(), /report · \$LATEST/);
  assert.match(await story.innerText(), /Handler[\s\S]*Together/);
  assert.match(await story.locator(".story").innerText(), /^(Restored|From the pool|Plain|Clone): /);
  const request = (await story.locator("dd.mono").first().innerText()).trim();
  assert.match(request, /^[0-9a-f-]{36}$/);
  await page.close();
});

test("a function is invoked from its page, and its log follows and is searched", { skip }, async () => {
  const { page } = await openDashboard(browser, server.endpoint);
  await go(page, "/functions/checkout", "checkout");
  await page.getByLabel("Payload").fill('{ "order": "by-hand" }');
  await page.getByLabel("Payload").press("Control+Enter");
  await page.getByText('"taken": "by-hand"').waitFor();
  await page.getByLabel("Find in the log").fill("by-hand");
  await page.locator(".log mark", { hasText: "by-hand" }).first().waitFor();
  await page.getByRole("button", { name: "Search all that is kept" }).click();
  await page.locator(".found pre", { hasText: /INFO\s+order by-hand/ }).waitFor();
  await page.getByLabel("Find in the log").fill("");
  await page.getByLabel("Payload").fill('{ "fail": true }');
  await page.getByRole("button", { name: "Invoke", exact: true }).click();
  await page.getByText("Unhandled error in").waitFor();
  assert.match(await page.locator("pre").first().innerText(), /no such order/);
  await page.getByLabel("Replay an earlier one").selectOption({ index: 1 });
  assert.equal(await page.getByLabel("Payload").inputValue(), '{ "order": "by-hand" }');
  await page.getByLabel("Take a sample event").selectOption("SQS message");
  assert.equal(JSON.parse(await page.getByLabel("Payload").inputValue()).Records[0].eventSource, "aws:sqs");
  await page.getByLabel("Payload").fill("{");
  assert.ok(await page.getByRole("button", { name: "Invoke", exact: true }).isDisabled());
  await picture(page, "function-light");
  await page.close();
});

test("alarms are shown with what they watch", { skip }, async () => {
  const { page } = await openDashboard(browser, server.endpoint);
  await go(page, "/alarms", "Alarms");
  const row = page.locator("tbody tr", { hasText: "failing" });
  await row.waitFor();
  assert.match(await row.innerText(), /Errors > 0/);
  await page.locator(".chart", { hasText: "Errors, Sum" }).locator(".threshold").waitFor({ state: "attached" });
  await page.getByText('Alarm "failing" created').waitFor();
  await page.close();
});

test("what was measured is drawn, and read out by arrow keys", { skip }, async () => {
  const { page } = await openDashboard(browser, server.endpoint);
  await go(page, "/metrics", "Metrics");
  await page.getByLabel("Metric", { exact: true }).selectOption("Shop · Orders");
  // of all functions together, too, is told what is kept of each alone
  await page.locator(".chart", { hasText: "from the pool" }).locator(".curve").first().waitFor({ state: "attached" });
  const chart = page.locator(".chart", { hasText: "Orders" });
  await chart.locator(".curve").first().waitFor();
  const time = chart.getByRole("slider");
  const values = new Set<string>();
  for (let step = 0; step < 16; step++) {
    await time.press("ArrowLeft");
    values.add(/Sum (\S+)$/.exec((await time.getAttribute("aria-valuetext"))!)![1]!);
  }
  // 40 + 25 sin(minute / 2), and nothing before.
  for (const minute of [1, 5, 10])
    assert.ok(values.has(shown(40 + 25 * Math.sin(minute / 2))), `${minute}: ${[...values]}`);
  assert.ok(values.has("–"));
  await page.getByText("1 h", { exact: true }).click();
  await page.getByRole("radio", { name: "1 h" }).and(page.locator(":checked")).waitFor();
  await page.close();
});

const shown = (value: number): string => Math.round(value).toLocaleString("en");

test("the code of a function is shown as it was deployed", { skip }, async () => {
  const { page } = await openDashboard(browser, server.endpoint);
  await go(page, "/functions/report/code", "report");
  await page.locator(".source pre span").first().waitFor();
  assert.equal((await page.locator(".source pre").innerText()).trim(), slow);
  await page.close();
});

test("a function that is not there is said to be missing, and has no page", { skip }, async () => {
  const { page } = await openDashboard(browser, server.endpoint);
  await go(page, "/functions/nosuch", "nosuch");
  await page.getByText("Function not found").waitFor();
  assert.equal(await page.getByLabel("Payload").count(), 0);
  await page.close();
});

test("a call that failed is found among all", { skip }, async () => {
  const { page } = await openDashboard(browser, server.endpoint);
  await page.locator(".row").first().waitFor();
  await invoke(lambda, "report", { fail: true });
  await page.getByText("Failed", { exact: true }).click();
  const row = page.locator(".rows .row", { hasText: "report" }).first();
  await row.click();
  await page.locator(".facts dd", { hasText: "Error" }).waitFor();
  await page.close();
});

test("an event source shows what it has read, and how much waits", { skip }, async () => {
  const { page } = await openDashboard(browser, server.endpoint);
  await go(page, "/sources", "Event sources");
  const row = page.locator("tbody tr", { hasText: "sqs orders" });
  await row.getByText(/^\d+ waiting$/).waitFor();
  await row.getByText("Enabled").waitFor();
  await row.locator(".spark path").waitFor({ state: "attached" });
  const read = row.locator("td.number").nth(1);
  assert.ok(Number((await read.innerText()).replaceAll(",", "")) > 0, "the load has sent messages");
  await page.close();
});

test("provisioned and reserved concurrency are shown with what is used of them", { skip }, async () => {
  const { page } = await openDashboard(browser, server.endpoint);
  await go(page, "/concurrency", "Concurrency");
  await page.locator("tbody tr", { hasText: "checkout" }).getByText("2 of 2").waitFor();
  await page
    .locator("tbody tr", { hasText: "report" })
    .getByText(/^\d+ of 20$/)
    .waitFor();
  await page.close();
});

test("everything is reached without a mouse", { skip }, async () => {
  const { page } = await openDashboard(browser, server.endpoint);
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate("document.activeElement.textContent"), "To the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate("document.activeElement.id"), "main");
  await page.keyboard.press("g");
  await page.keyboard.press("q");
  await page.getByRole("heading", { level: 1, name: "Queues" }).waitFor();
  await page.keyboard.press("/");
  await page.getByLabel("Page, function or command").pressSequentially("chec");
  await page.locator("dialog .row", { hasText: "checkout" }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "checkout" }).waitFor();
  const ground = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
  const before = await ground();
  await page.locator("#main").focus();
  await page.keyboard.press("t");
  await page.keyboard.press("t");
  assert.notEqual(await ground(), before);
  await page.close();
});

test("where signatures are checked, the page shows nothing without the operator's key", { skip }, async () => {
  await using checked = await startServer({ args: ["--auth", "iam"] });
  const { page } = await openDashboard(browser, checked.endpoint);
  await page.getByLabel("Access key ID").fill("AKIAIOSFODNN7EXAMPLE");
  await page.getByLabel("Secret access key").fill("wrong");
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByRole("alert").waitFor();
  assert.equal(await page.getByRole("navigation").count(), 0);
  for (const path of ["live", "queues", "logs?function=mine"]) {
    assert.equal((await fetch(`${checked.endpoint}/_thaw/${path}`)).status, 403, path);
  }

  const { AccessKeyId, SecretAccessKey } = JSON.parse(readFileSync(join(checked.dataDir, "operator.json"), "utf8"));
  await page.getByLabel("Access key ID").fill(AccessKeyId);
  await page.getByLabel("Secret access key").fill(SecretAccessKey);
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByRole("status").getByText("Live").waitFor();
  // Signed for Lambda's own API, and for another service.
  await go(page, "/functions", "Functions");
  await page.getByText("No function yet").waitFor();
  await go(page, "/queues", "Queues");
  await page.getByText("No queue yet").waitFor();
  const settings = {
    endpoint: checked.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey },
  };
  const { Role } = await new IAMClient(settings).send(
    new CreateRoleCommand({
      RoleName: "mine",
      AssumeRolePolicyDocument: JSON.stringify({
        Statement: { Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" },
      }),
    }),
  );
  await createFunction(lambdaOf(checked, settings), "mine", { code: { "index.js": code }, Role: Role!.Arn });
  await go(page, "/functions/mine", "mine");
  await page.getByLabel("Payload").fill('{ "order": 7 }');
  await page.getByRole("button", { name: "Invoke", exact: true }).click();
  await page.getByText('"taken": 7').waitFor();
  for (const [tab, shows] of Object.entries(tabs)) {
    await go(page, `/functions/mine/${tab}`, "mine");
    await page.locator(shows).first().waitFor();
    assert.deepEqual(await page.getByRole("alert").allInnerTexts(), [], tab);
  }
  for (const [name, heading] of Object.entries(pages)) {
    await go(page, name === "starts" ? "/" : `/${name}`, heading);
    await page.locator("table tbody tr, .row, .cell, .empty, .plane").first().waitFor();
    assert.deepEqual(await page.getByRole("alert").allInnerTexts(), [], name);
  }
  assert.deepEqual(await page.evaluate("[document.cookie, Object.keys(localStorage), Object.keys(sessionStorage)]"), [
    "",
    ["thaw-theme"],
    [],
  ]);
  await page.close();
});
