import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { GetPolicyCommand, InvokeCommand } from "@aws-sdk/client-lambda";
import { createFunction, lambdaOf } from "../e2e/lambda.ts";
import { type Server, startServer } from "../e2e/server.ts";
import { thaw } from "./thaw.ts";

let server: Server;
before(async () => {
  server = await startServer();
  const lambda = lambdaOf(server);
  // It writes down what it is told, where its log is read.
  const code = { "index.js": "exports.handler = async (event) => console.log(JSON.stringify(event));" };
  await createFunction(lambda, "told", { code });
  const slow = { "index.js": "exports.handler = async ({ ms }) => new Promise((done) => setTimeout(done, ms));" };
  await createFunction(lambda, "slow", { code: slow, Timeout: 1 });
});
after(() => server?.[Symbol.asyncDispose]());

const run = (...args: string[]) => thaw(["alarms", ...args], { env: server.env });
async function json(...args: string[]): Promise<ReturnType<typeof JSON.parse>> {
  const { code, stdout, stderr } = await run(...args, "--json");
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}
const shown = async (...names: string[]): Promise<string[]> =>
  (await json("list", ...names)).alarms.map(({ AlarmName }: { AlarmName: string }) => AlarmName);

test("three alarms are installed by one command, for all functions or for some, and removed by another", async () => {
  const all = await run("install", "--function", "told");
  assert.equal(all.code, 0, all.stderr);
  assert.deepEqual(await shown(), ["thaw-cold-start", "thaw-errors", "thaw-timeouts"]);
  await json("install", "slow", "--topic", "arn:aws:sns:us-east-1:000000000000:t");
  assert.deepEqual(await shown("slow"), ["thaw-cold-start-slow", "thaw-errors-slow", "thaw-timeouts-slow"]);
  const lambda = lambdaOf(server);
  const { Policy = "" } = await lambda.send(new GetPolicyCommand({ FunctionName: "told" }));
  assert.match(Policy, /lambda\.alarms\.cloudwatch\.amazonaws\.com.*:alarm:thaw-\*/);

  assert.deepEqual((await json("remove", "slow")).removed.length, 3);
  assert.deepEqual((await json("remove")).removed, ["thaw-cold-start", "thaw-errors", "thaw-timeouts"]);
  assert.deepEqual(await shown(), []);
  await assert.rejects(lambda.send(new GetPolicyCommand({ FunctionName: "told" })), {
    name: "ResourceNotFoundException",
  });
});

test("what cannot be installed is said", async () => {
  const cases: readonly (readonly [args: string[], code: number, why: RegExp])[] = [
    [["install", "nobody"], 1, /There is no function nobody/],
    [["install", "--function", "nobody"], 1, /There is no function nobody/],
    [["install", "--topic", "nobody"], 2, /must be the ARN of an SNS topic/],
    [["install", "--topic", "t", "--function", "f"], 2, /one of them is told/],
    [["remove", "--topic", "t"], 2, /belong to install/],
    [["paint"], 2, /Allowed choices are install, list, remove/],
  ];
  for (const [args, code, why] of cases) {
    const result = await run(...args);
    assert.equal(result.code, code, args.join(" "));
    assert.match(result.stderr, why);
  }
  assert.deepEqual(await shown(), []);
});

const slowly = process.env.THAW_TEST_SLOW === "1" ? false : "takes two minutes: THAW_TEST_SLOW=1";
test("a timeout is an alarm in the minute after it, and the function is told", { skip: slowly }, async () => {
  await json("install", "slow", "--function", "told");
  const Payload = JSON.stringify({ ms: 5000 });
  await lambdaOf(server).send(new InvokeCommand({ FunctionName: "slow", Payload }));
  const told = async () => (await thaw(["logs", "told"], { env: server.env })).stdout;
  while (!(await told()).includes('"alarmName":"thaw-timeouts-slow"')) await pause(1000);
  const { alarms } = await json("list", "slow");
  const states = Object.fromEntries(
    alarms.map(({ AlarmName, StateValue }: { AlarmName: string; StateValue: string }) => [AlarmName, StateValue]),
  );
  assert.equal(states["thaw-timeouts-slow"], "ALARM");
  assert.equal(states["thaw-errors-slow"], "ALARM");
});
