import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import * as scaling from "@aws-sdk/client-application-auto-scaling";
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  DeleteFunctionCommand,
  GetProvisionedConcurrencyConfigCommand,
  LambdaClient,
  PublishVersionCommand,
} from "@aws-sdk/client-lambda";
import { scalingModel } from "../../src/edge/aws/scaling/model.ts";
import fc from "../properties.ts";
import { bootstrap, type Door, echo, openDoor, role } from "./door.ts";

let door: Door;
let lambda: LambdaClient;
let client: scaling.ApplicationAutoScalingClient;
const asked = new Map<string, number>();

const resource = {
  ServiceNamespace: "lambda",
  ResourceId: "function:fn:live",
  ScalableDimension: "lambda:function:ProvisionedConcurrency",
} as const;
const policyConfiguration = {
  TargetValue: 0.7,
  PredefinedMetricSpecification: { PredefinedMetricType: "LambdaProvisionedConcurrencyUtilization" },
} as const;

before(async () => {
  door = await openDoor(echo, undefined, {
    provision: ({ version }, count) => void asked.set(version, count),
    provisioned: ({ version }) => ({ allocated: asked.get(version) ?? 0, available: asked.get(version) ?? 0 }),
  });
  const options = {
    endpoint: door.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  };
  lambda = new LambdaClient(options);
  client = new scaling.ApplicationAutoScalingClient(options);
});
after(async () => {
  lambda.destroy();
  client.destroy();
  await door[Symbol.asyncDispose]();
  assert.deepEqual(door.reported, []);
});

beforeEach(async () => {
  await client.send(new scaling.DeregisterScalableTargetCommand(resource)).catch(() => {});
  await lambda.send(new DeleteFunctionCommand({ FunctionName: "fn" })).catch(() => {});
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: "fn",
      Role: role,
      Runtime: "provided.al2023",
      Handler: "any",
      Code: { ZipFile: bootstrap },
    }),
  );
  await lambda.send(new PublishVersionCommand({ FunctionName: "fn" }));
  await lambda.send(new CreateAliasCommand({ FunctionName: "fn", Name: "live", FunctionVersion: "1" }));
});

const register = (more = {}) =>
  client.send(new scaling.RegisterScalableTargetCommand({ ...resource, MinCapacity: 0, MaxCapacity: 10, ...more }));
const requested = async () =>
  (await lambda.send(new GetProvisionedConcurrencyConfigCommand({ FunctionName: "fn", Qualifier: "live" })))
    .RequestedProvisionedConcurrentExecutions;
const activities = async () =>
  (await client.send(new scaling.DescribeScalingActivitiesCommand({ ServiceNamespace: "lambda" }))).ScalingActivities!;

test("a target is registered, described, changed and deregistered", async () => {
  const { ScalableTargetARN } = await register();
  assert.match(ScalableTargetARN!, /^arn:aws:application-autoscaling:us-east-1:000000000000:scalable-target\/\w+$/);
  const describe = async () =>
    (await client.send(new scaling.DescribeScalableTargetsCommand({ ServiceNamespace: "lambda" }))).ScalableTargets!;
  const [{ CreationTime, RoleARN, ...target } = assert.fail()] = await describe();
  assert.ok(Math.abs(CreationTime!.getTime() - Date.now()) < 60_000);
  assert.match(RoleARN!, /^arn:aws:iam::000000000000:role\/.*LambdaConcurrency$/);
  assert.deepEqual(target, {
    ...resource,
    MinCapacity: 0,
    MaxCapacity: 10,
    ScalableTargetARN,
    SuspendedState: {
      DynamicScalingInSuspended: false,
      DynamicScalingOutSuspended: false,
      ScheduledScalingSuspended: false,
    },
  });
  await client.send(
    new scaling.RegisterScalableTargetCommand({
      ...resource,
      MaxCapacity: 7,
      SuspendedState: { ScheduledScalingSuspended: true },
    }),
  );
  const [changed] = await describe();
  assert.deepEqual(
    [changed?.MinCapacity, changed?.MaxCapacity, changed?.SuspendedState?.ScheduledScalingSuspended],
    [0, 7, true],
  );
  await client.send(new scaling.DeregisterScalableTargetCommand(resource));
  assert.deepEqual(await describe(), []);
  await assert.rejects(client.send(new scaling.DeregisterScalableTargetCommand(resource)), {
    name: "ObjectNotFoundException",
    message:
      "No scalable target registered for service namespace: lambda, resource ID: function:fn:live, scalable dimension: lambda:function:ProvisionedConcurrency",
  });
});

test("what is provisioned is brought within the bounds of a new target, and the activity says so", async () => {
  await register({ MinCapacity: 3 });
  assert.equal(await requested(), 3);
  assert.equal(asked.get("1"), 3);
  await register({ MinCapacity: 0, MaxCapacity: 2 });
  assert.equal(await requested(), 2);
  const [latest, first] = await activities();
  assert.deepEqual(
    [latest?.Description, latest?.Cause, latest?.StatusCode],
    ["Setting desired capacity to 2.", "maximum capacity was set to 2", "Successful"],
  );
  assert.deepEqual([first?.Cause, first?.StatusCode], ["minimum capacity was set to 3", "Overridden"]);
});

test("what the account has no room for is an activity that failed", async () => {
  await register({ MinCapacity: 950, MaxCapacity: 950 });
  const [failed] = await activities();
  assert.equal(failed?.StatusCode, "Failed");
  assert.match(failed?.StatusMessage ?? "", /below its minimum value of \[100\]/);
});

test("a target tracking policy is put, described and deleted", async () => {
  const put = (more = {}) =>
    client.send(
      new scaling.PutScalingPolicyCommand({
        ...resource,
        PolicyName: "busy",
        PolicyType: "TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration: { ...policyConfiguration, ...more },
      }),
    );
  await assert.rejects(put(), { name: "ObjectNotFoundException", message: /^No scalable target registered/ });
  await register();
  const { PolicyARN, Alarms } = await put({ ScaleInCooldown: 60 });
  assert.match(
    PolicyARN!,
    /^arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:[0-9a-f-]{36}:resource\/lambda\/function:fn:live:policyName\/busy$/,
  );
  assert.deepEqual(Alarms, []);
  assert.equal((await put()).PolicyARN, PolicyARN, "again");
  const { ScalingPolicies } = await client.send(
    new scaling.DescribeScalingPoliciesCommand({ ServiceNamespace: "lambda", PolicyNames: ["busy"] }),
  );
  assert.deepEqual(
    ScalingPolicies?.map((policy) => policy.TargetTrackingScalingPolicyConfiguration),
    [policyConfiguration],
  );
  await assert.rejects(put({ TargetValue: 0.95 }), { name: "ValidationException", message: /between 0\.1 and 0\.9/ });
  await assert.rejects(put({ PredefinedMetricSpecification: undefined }), { name: "ValidationException" });
  const remove = () => client.send(new scaling.DeleteScalingPolicyCommand({ ...resource, PolicyName: "busy" }));
  await remove();
  await assert.rejects(remove(), { name: "ObjectNotFoundException" });
});

test("a scheduled action is put, changed, described page by page and deleted", async () => {
  const put = (ScheduledActionName: string, more = {}) =>
    client.send(
      new scaling.PutScheduledActionCommand({
        ...resource,
        ScheduledActionName,
        Schedule: "cron(0 9 ? * MON-FRI *)",
        ScalableTargetAction: { MinCapacity: 5, MaxCapacity: 9 },
        ...more,
      }),
    );
  await assert.rejects(put("morning"), { name: "ObjectNotFoundException" });
  await register();
  const StartTime = new Date("2030-01-01T00:00:00Z");
  await put("morning", { Timezone: "Europe/Berlin", StartTime });
  await put("evening", { Schedule: "rate(1 day)" });
  const list = (more = {}) =>
    client.send(new scaling.DescribeScheduledActionsCommand({ ServiceNamespace: "lambda", MaxResults: 1, ...more }));
  const first = await list();
  const second = await list({ NextToken: first.NextToken });
  assert.equal(second.NextToken, undefined);
  const [{ CreationTime: _created, ScheduledActionARN, ...action } = assert.fail()] = second.ScheduledActions!;
  assert.match(
    ScheduledActionARN!,
    /:scheduledAction:[0-9a-f-]{36}:resource\/lambda\/function:fn:live:scheduledActionName\/morning$/,
  );
  assert.deepEqual(action, {
    ...resource,
    ScheduledActionName: "morning",
    Schedule: "cron(0 9 ? * MON-FRI *)",
    Timezone: "Europe/Berlin",
    StartTime,
    ScalableTargetAction: { MinCapacity: 5, MaxCapacity: 9 },
  });
  await put("morning", { Schedule: undefined, ScalableTargetAction: { MinCapacity: 6 } });
  const [changed] = (await list({ ScheduledActionNames: ["morning"] })).ScheduledActions!;
  assert.deepEqual(
    [changed?.Schedule, changed?.Timezone, changed?.StartTime, changed?.ScalableTargetAction],
    ["cron(0 9 ? * MON-FRI *)", "Europe/Berlin", undefined, { MinCapacity: 6 }],
  );
  for (const wrong of [
    { Schedule: "cron(0 9 * * MON *)" },
    { Schedule: "every day" },
    { Timezone: "Mars/Olympus" },
    { ScalableTargetAction: { MinCapacity: 5, MaxCapacity: 4 } },
  ]) {
    await assert.rejects(put("wrong", wrong), { name: "ValidationException" }, JSON.stringify(wrong));
  }
  for (const name of [" a", "a ", "a/b", "a|b", "a:b", "a\tb", `a${" ".repeat(20_000)}b`]) {
    await assert.rejects(put(name), { name: "ValidationException", message: /at 'scheduledActionName' failed/ }, name);
  }
  await put("a b");
  const remove = () =>
    client.send(new scaling.DeleteScheduledActionCommand({ ...resource, ScheduledActionName: "morning" }));
  await remove();
  await assert.rejects(remove(), { name: "ObjectNotFoundException" });
  await assert.rejects(list({ NextToken: "?" }), { name: "InvalidNextTokenException" });
});

test("only provisioned concurrency of versions and aliases that exist is scaled", async () => {
  const wrong = [
    [{ ResourceId: "function:fn" }, /function:NAME:QUALIFIER/],
    [{ ResourceId: "function:fn:$LATEST" }, /function:NAME:QUALIFIER/],
    [{ ResourceId: "function:fn:9" }, /doesn't exist: function:fn:9/],
    [{ ServiceNamespace: "ecs" }, /the service namespace lambda only/],
    [{ ServiceNamespace: "nothing" }, /Value 'nothing' at 'serviceNamespace' failed to satisfy constraint/],
    [{ ScalableDimension: "ecs:service:DesiredCount" }, /lambda:function:ProvisionedConcurrency/],
    [{ MinCapacity: 11 }, /Maximum capacity cannot be less/],
    [{ MinCapacity: -1 }, /must not be negative/],
    [{ MaxCapacity: undefined }, /Both MinCapacity and MaxCapacity/],
  ] as const;
  for (const [more, message] of wrong) await assert.rejects(register(more), { name: "ValidationException", message });
  const other = await client.send(new scaling.DescribeScalableTargetsCommand({ ServiceNamespace: "ecs" }));
  assert.deepEqual(other.ScalableTargets, []);
});

test("what is no operation and what is no JSON is refused in the protocol's form", async () => {
  const call = (operation: string, body: string) =>
    fetch(door.endpoint, {
      method: "POST",
      headers: { "x-amz-target": `AnyScaleFrontendService.${operation}`, "content-type": "application/x-amz-json-1.1" },
      body,
    });
  for (const [operation, body, code] of [
    ["GetPredictiveScalingForecast", "{}", "UnknownOperationException"],
    ["toString", "{}", "UnknownOperationException"],
    ["DescribeScalableTargets", "{", "SerializationException"],
    ["DescribeScalableTargets", "[]", "SerializationException"],
    ["DescribeScalableTargets", "{}", "ValidationException"],
  ] as const) {
    const response = await call(operation, body);
    assert.equal(response.status, 400);
    assert.equal(response.headers.get("content-type"), "application/x-amz-json-1.1");
    assert.equal(((await response.json()) as { __type: string }).__type, code);
  }
});

test("no document at all makes the server fail", async () => {
  const operations = Object.keys(scalingModel.shapes)
    .filter((name) => name.endsWith("Request"))
    .map((name) => name.slice(0, -"Request".length));
  const members = [...new Set(Object.values(scalingModel.shapes).flatMap(({ members }) => Object.keys(members ?? {})))];
  const named = fc.record({
    ServiceNamespace: fc.constantFrom("lambda", "ecs"),
    ResourceId: fc.constantFrom("function:fn:live", "function:fn:1", "function:fn", "function:__proto__:toString"),
    ScalableDimension: fc.constant(resource.ScalableDimension),
  });
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.integer({ min: -2, max: 12 }), fc.constant("rate(1 day)"));
  const document = fc
    .tuple(named, fc.dictionary(fc.constantFrom(...members), value, { maxKeys: 6 }))
    .map(([one, other]) => ({ ...one, ...other }));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...operations), document, async (operation, body) => {
      const response = await fetch(door.endpoint, {
        method: "POST",
        headers: { "x-amz-target": `AnyScaleFrontendService.${operation}` },
        body: JSON.stringify(body),
      });
      const answer = await response.text();
      assert.ok(response.status === 200 || response.status === 400, `${response.status} ${answer}`);
    }),
    { numRuns: 300, seed: 3 },
  );
});
