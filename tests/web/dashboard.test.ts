import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CloudWatchClient, PutMetricAlarmCommand } from "@aws-sdk/client-cloudwatch";
import { CreateRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { CreateEventSourceMappingCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
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
  functions: "Functions",
  environments: "Environments",
  sources: "Event sources",
  queues: "Queues",
  images: "Images",
  alarms: "Alarms",
  cost: "Cost",
};

let server: Server;
let browser: Browser;
let lambda: LambdaClient;
let load: Promise<void>;
let loading = true;

/** Calls that come at once and others that come one by one, until the tests are over. */
async function keepCalling(): Promise<void> {
  for (let order = 0; loading; order++) {
    const many = order % 6 === 0 ? 3 : 1;
    const calls = ["checkout", "report"].flatMap((name) =>
      Array.from({ length: many }, () => invoke(lambda, name, { order, ms: 5 })),
    );
    // A platform that ends first is not what is tested here.
    await Promise.allSettled(calls);
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
  const sqs = new SQSClient({
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "orders" }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }));
  await lambda.send(
    new CreateEventSourceMappingCommand({ FunctionName: "checkout", EventSourceArn: Attributes!.QueueArn }),
  );
  sqs.destroy();
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
  cloudWatch.destroy();
  load = keepCalling();
});

after(async () => {
  loading = false;
  await load;
  await browser?.close();
  lambda?.destroy();
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
      await page.locator("table tbody tr, .row, .cell, .empty").first().waitFor();
      found.push(...(await faults(page)).map((fault) => `${name}: ${fault}`));
      await picture(page, `${name}-${look.name}`);
    }
    await go(page, "/functions/checkout", "checkout");
    await page.getByText("index.handler").waitFor();
    found.push(...(await faults(page)).map((fault) => `function: ${fault}`));
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
  await page.getByLabel("Find in the log").fill("");
  await page.getByLabel("Payload").fill('{ "fail": true }');
  await page.getByRole("button", { name: "Invoke", exact: true }).click();
  await page.getByText("Unhandled error in").waitFor();
  assert.match(await page.locator("pre").first().innerText(), /no such order/);
  await page.getByLabel("Replay an earlier one").selectOption({ index: 1 });
  assert.equal(await page.getByLabel("Payload").inputValue(), '{ "order": "by-hand" }');
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
  assert.deepEqual(await page.evaluate("[document.cookie, Object.keys(localStorage), Object.keys(sessionStorage)]"), [
    "",
    ["thaw-theme"],
    [],
  ]);
  await page.close();
});
