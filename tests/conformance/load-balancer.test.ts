import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  type ActionTypeEnum,
  AddTagsCommand,
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateRuleCommand,
  CreateTargetGroupCommand,
  DeleteListenerCommand,
  DeleteLoadBalancerCommand,
  DeleteTargetGroupCommand,
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  DescribeRulesCommand,
  DescribeTagsCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
  ModifyListenerCommand,
  ModifyTargetGroupAttributesCommand,
  ModifyTargetGroupCommand,
  RegisterTargetsCommand,
  type RuleCondition,
  SetRulePrioritiesCommand,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { AddPermissionCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import { type Door, echo, openDoor, type Run } from "./door.ts";
import { type Asked, ask, failing, lambdaClient, makeFunction, returning } from "./front.ts";

/** Load balancers as SDKs make them and clients call them; the function itself is played by the test. */
let door: Door;
let lambda: LambdaClient;
let client: ElasticLoadBalancingV2Client;
let run: Run = echo;
let made = 0;

const target = "arn:aws:lambda:us-east-1:000000000000:function:f";

before(async () => {
  door = await openDoor((invocation) => run(invocation));
  lambda = lambdaClient(door);
  client = new ElasticLoadBalancingV2Client({
    endpoint: door.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
  await makeFunction(lambda, "f");
});
after(async () => {
  lambda.destroy();
  client.destroy();
  await door[Symbol.asyncDispose]();
  assert.deepEqual(door.reported, []);
});

const allow = () =>
  lambda
    .send(
      new AddPermissionCommand({
        FunctionName: "f",
        StatementId: "elb",
        Action: "lambda:InvokeFunction",
        Principal: "elasticloadbalancing.amazonaws.com",
      }),
    )
    .catch((error: Error) => assert.equal(error.name, "ResourceConflictException"));

async function newGroup(more: object = {}, register = true): Promise<string> {
  made += 1;
  const created = await client.send(new CreateTargetGroupCommand({ Name: `g${made}`, TargetType: "lambda", ...more }));
  const TargetGroupArn = created.TargetGroups?.[0]?.TargetGroupArn ?? "";
  if (register) await client.send(new RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id: target }] }));
  return TargetGroupArn;
}

const forward = (TargetGroupArn: string) => ({ Type: "forward" as ActionTypeEnum, TargetGroupArn });

/** A load balancer whose listener forwards to a group: its ARN, its listener's and its host. */
async function newBalancer(group: string) {
  made += 1;
  const { LoadBalancers } = await client.send(
    new CreateLoadBalancerCommand({ Name: `Lb${made}`, Subnets: ["subnet-1", "subnet-2"] }),
  );
  const { LoadBalancerArn = "", DNSName = "" } = LoadBalancers?.[0] ?? {};
  const { Listeners } = await client.send(
    new CreateListenerCommand({ LoadBalancerArn, Port: 80, Protocol: "HTTP", DefaultActions: [forward(group)] }),
  );
  return { LoadBalancerArn, ListenerArn: Listeners?.[0]?.ListenerArn ?? "", host: DNSName };
}

test("a request's event and its answer are a load balancer's, with and without lists of values", async () => {
  await allow();
  const group = await newGroup();
  const { host } = await newBalancer(group);
  assert.match(host, /^lb\d+\.elb\.localhost:\d+$/);
  // biome-ignore lint/suspicious/noExplicitAny: an event is looked at member by member
  let event: any;
  const answers = (document: object) => {
    run = (invocation) => {
      event = JSON.parse(invocation.payload.toString());
      return returning(document)(invocation);
    };
  };
  answers({
    statusCode: 201,
    statusDescription: "201 Very Made",
    headers: { "X-Own": "yes" },
    multiValueHeaders: { "X-Many": ["1", "2"] },
    body: Buffer.from("made").toString("base64"),
    isBase64Encoded: true,
  });
  const asked = {
    method: "POST",
    path: "/a%20b?x=1&x=%32",
    headers: ["X-Two", "1", "X-Two", "2", "content-type", "application/json"],
    body: '{"a":1}',
  };
  const told = await ask(door, host, asked);
  assert.deepEqual(
    [told.status, told.text, told.headers["x-own"], told.headers["x-many"], told.headers["content-type"]],
    [201, "made", "yes", undefined, "application/octet-stream"],
  );
  const { headers, ...rest } = event;
  assert.deepEqual(rest, {
    requestContext: { elb: { targetGroupArn: group } },
    httpMethod: "POST",
    path: "/a%20b",
    queryStringParameters: { x: "%32" },
    body: '{"a":1}',
    isBase64Encoded: false,
  });
  assert.deepEqual([headers["x-two"], headers["x-forwarded-proto"], headers.host], ["2", "http", host]);
  await ask(door, host, { method: "POST", headers: { "content-type": "image/png" }, body: Buffer.from([0, 255]) });
  assert.deepEqual([event.body, event.isBase64Encoded], ["AP8=", true]);
  await client.send(
    new ModifyTargetGroupAttributesCommand({
      TargetGroupArn: group,
      Attributes: [{ Key: "lambda.multi_value_headers.enabled", Value: "true" }],
    }),
  );
  answers({ statusCode: 200, headers: { "x-own": "yes" }, multiValueHeaders: { "Set-Cookie": ["a=1", "b=2"] } });
  const many = await ask(door, host, asked);
  assert.deepEqual([many.headers["x-own"], many.headers["set-cookie"]], [undefined, ["a=1", "b=2"]]);
  assert.deepEqual(event.multiValueQueryStringParameters, { x: ["1", "%32"] });
  assert.deepEqual([event.multiValueHeaders["x-two"], event.headers], [["1", "2"], undefined]);
});

test("what is malformed, fails or is too large is 502; a large request 413; nobody's host 404; no target 503", async () => {
  await allow();
  const { host } = await newBalancer(await newGroup());
  const bad = [
    '"text"',
    "null",
    "{}",
    '{"statusCode":"x"}',
    '{"statusCode":200,"body":1}',
    '{"statusCode":200,"headers":{"a b":"c"}}',
  ];
  for (const result of [...bad, JSON.stringify({ statusCode: 200, body: "x".repeat(1024 * 1024) })]) {
    run = returning(result);
    const told = await ask(door, host);
    assert.deepEqual([told.status, told.text.includes("502 Bad Gateway")], [502, true], result.slice(0, 50));
  }
  run = failing;
  assert.equal((await ask(door, host)).status, 502);
  const body = Buffer.alloc(1024 * 1024 + 1);
  assert.equal((await ask(door, host, { method: "POST", body })).status, 413);
  assert.equal((await ask(door, "nobody.elb.localhost")).status, 404);
  const { host: empty } = await newBalancer(await newGroup({}, false));
  assert.equal((await ask(door, empty)).status, 503);
});

test("rules are tried by priority, each with all its conditions; actions redirect, answer, or share by weights", async () => {
  await allow();
  const group = await newGroup();
  const other = await newGroup();
  const { host, ListenerArn } = await newBalancer(group);
  run = async (invocation) => {
    const { requestContext } = JSON.parse(invocation.payload.toString());
    return returning({ statusCode: 200, body: requestContext.elb.targetGroupArn })(invocation);
  };
  const says = (MessageBody: string) => ({
    Type: "fixed-response" as ActionTypeEnum,
    FixedResponseConfig: { StatusCode: "418", MessageBody, ContentType: "text/plain" },
  });
  const rules: [RuleCondition[], string, Asked & { host?: string }][] = [
    [[{ Field: "path-pattern", Values: ["/img/*.p?g"] }], "path", { path: "/img/a/b.png" }],
    [[{ Field: "host-header", HostHeaderConfig: { Values: ["*.Example.com"] } }], "host", { host: "a.example.com" }],
    [[{ Field: "http-request-method", HttpRequestMethodConfig: { Values: ["PATCH"] } }], "method", { method: "PATCH" }],
    [
      [{ Field: "http-header", HttpHeaderConfig: { HttpHeaderName: "X-Kind", Values: ["a*"] } }],
      "header",
      { headers: { "x-kind": "ABC" } },
    ],
    [
      [{ Field: "query-string", QueryStringConfig: { Values: [{ Key: "v", Value: "1*" }] } }],
      "query",
      { path: "/?v=12" },
    ],
    [
      [
        { Field: "source-ip", SourceIpConfig: { Values: ["127.0.0.0/8"] } },
        { Field: "path-pattern", Values: ["/local"] },
      ],
      "ip",
      { path: "/local" },
    ],
  ];
  for (const [index, [Conditions, name]] of rules.entries()) {
    const Priority = index + 10;
    await client.send(new CreateRuleCommand({ ListenerArn, Priority, Conditions, Actions: [says(name)] }));
  }
  const label = host.split(".")[0];
  for (const [, name, { host: named, path = "/", ...asked }] of rules) {
    const told = await ask(door, named ?? "localhost", { ...asked, path: `/_aws/elb/${label}${path}` });
    assert.deepEqual([told.status, told.text], [418, name]);
  }
  assert.equal((await ask(door, host, { path: "/img/a.gif" })).text, group);
  const redirect = {
    Type: "redirect" as ActionTypeEnum,
    RedirectConfig: {
      Protocol: "HTTPS",
      Port: "443",
      Host: "new.example.com",
      Path: "/x/#{path}",
      StatusCode: "HTTP_301" as const,
    },
  };
  const moved = [{ Field: "path-pattern", Values: ["/old"] }];
  const { Rules } = await client.send(
    new CreateRuleCommand({ ListenerArn, Priority: 1, Conditions: moved, Actions: [redirect] }),
  );
  const told = await ask(door, host, { path: "/old?q=1" });
  assert.deepEqual([told.status, told.headers.location], [301, "https://new.example.com/x/old?q=1"]);
  const RuleArn = Rules?.[0]?.RuleArn;
  await client.send(new SetRulePrioritiesCommand({ RulePriorities: [{ RuleArn, Priority: 500 }] }));
  const described = await client.send(new DescribeRulesCommand({ ListenerArn }));
  assert.deepEqual(
    described.Rules?.map(({ Priority }) => Priority),
    ["10", "11", "12", "13", "14", "15", "500", "default"],
  );
  const ForwardConfig = {
    TargetGroups: [
      { TargetGroupArn: group, Weight: 0 },
      { TargetGroupArn: other, Weight: 5 },
    ],
  };
  await client.send(new ModifyListenerCommand({ ListenerArn, DefaultActions: [{ Type: "forward", ForwardConfig }] }));
  assert.equal((await ask(door, host)).text, other);
  await assert.rejects(
    client.send(new CreateRuleCommand({ ListenerArn, Priority: 10, Conditions: moved, Actions: [redirect] })),
    { name: "PriorityInUseException" },
  );
});

test("health checks call the function, and say what they found", async () => {
  await allow();
  let status = 500;
  const seen: { path: string; headers: Record<string, string> }[] = [];
  run = (invocation) => {
    seen.push(JSON.parse(invocation.payload.toString()));
    return returning({ statusCode: status })(invocation);
  };
  const health = {
    HealthCheckEnabled: true,
    HealthCheckPath: "/up",
    HealthCheckIntervalSeconds: 5,
    HealthCheckTimeoutSeconds: 2,
  };
  const TargetGroupArn = await newGroup({ ...health, UnhealthyThresholdCount: 2 });
  const state = async () =>
    (await client.send(new DescribeTargetHealthCommand({ TargetGroupArn }))).TargetHealthDescriptions?.[0]
      ?.TargetHealth;
  assert.equal((await state())?.State, "initial");
  // Another setting begins anew: no test has to wait for a whole interval.
  status = 200;
  await client.send(new ModifyTargetGroupCommand({ TargetGroupArn, HealthyThresholdCount: 3 }));
  while ((await state())?.State !== "healthy") await new Promise(setImmediate);
  assert.deepEqual([seen[0]?.path, seen[0]?.headers["user-agent"]], ["/up", "ELB-HealthChecker/2.0"]);
  await client.send(new ModifyTargetGroupCommand({ TargetGroupArn, HealthCheckEnabled: false }));
  assert.deepEqual((await state())?.Reason, "Target.HealthCheckDisabled");
});

test("what is asked of load balancers themselves: refusals in AWS's codes, tags, deletion", async () => {
  await makeFunction(lambda, "closed");
  const group = await newGroup({}, false);
  const Id = "arn:aws:lambda:us-east-1:000000000000:function:closed";
  await assert.rejects(client.send(new RegisterTargetsCommand({ TargetGroupArn: group, Targets: [{ Id }] })), {
    name: "AccessDenied",
  });
  const { LoadBalancerArn, ListenerArn } = await newBalancer(group);
  const listener = { LoadBalancerArn, Protocol: "HTTP" as const, DefaultActions: [forward(group)] };
  const refusals: [Promise<unknown>, string][] = [
    [client.send(new CreateListenerCommand({ ...listener, Port: 80 })), "DuplicateListenerException"],
    [
      client.send(new CreateListenerCommand({ ...listener, Port: 81, DefaultActions: [forward("none")] })),
      "TargetGroupNotFoundException",
    ],
    [client.send(new CreateLoadBalancerCommand({ Name: "-x" })), "ValidationError"],
    [
      client.send(new CreateTargetGroupCommand({ Name: "ip", TargetType: "ip" })),
      "InvalidConfigurationRequestException",
    ],
    [client.send(new DescribeLoadBalancersCommand({ Names: ["none"] })), "LoadBalancerNotFoundException"],
    [client.send(new DeleteTargetGroupCommand({ TargetGroupArn: group })), "ResourceInUseException"],
    [client.send(new DeleteListenerCommand({ ListenerArn: "none" })), "ListenerNotFoundException"],
  ];
  for (const [refused, name] of refusals) await assert.rejects(refused, { name });
  const ResourceArns = [LoadBalancerArn, ListenerArn, group];
  await client.send(new AddTagsCommand({ ResourceArns, Tags: [{ Key: "a", Value: "v 1" }] }));
  const { TagDescriptions } = await client.send(new DescribeTagsCommand({ ResourceArns }));
  assert.deepEqual(
    TagDescriptions?.map(({ Tags }) => Tags),
    Array(3).fill([{ Key: "a", Value: "v 1" }]),
  );
  const shown = await client.send(new DescribeTargetGroupsCommand({ LoadBalancerArn }));
  assert.deepEqual(shown.TargetGroups?.[0]?.LoadBalancerArns, [LoadBalancerArn]);
  const { LoadBalancers } = await client.send(
    new DescribeLoadBalancersCommand({ LoadBalancerArns: [LoadBalancerArn] }),
  );
  assert.deepEqual(
    [
      LoadBalancers?.[0]?.State?.Code,
      LoadBalancers?.[0]?.AvailabilityZones?.length,
      LoadBalancers?.[0]?.CreatedTime instanceof Date,
    ],
    ["active", 2, true],
  );
  await client.send(new DeleteLoadBalancerCommand({ LoadBalancerArn }));
  await client.send(new DeleteTargetGroupCommand({ TargetGroupArn: group }));
  await assert.rejects(client.send(new DescribeListenersCommand({ LoadBalancerArn })), {
    name: "LoadBalancerNotFoundException",
  });
});
