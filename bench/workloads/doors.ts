import { type Answer, request } from "../harness/connection.ts";
import { interleave } from "../harness/interleave.ts";
import { tooLoaded } from "../harness/machine.ts";
import { serial } from "../harness/open-loop.ts";
import { judge, type WorkloadOptions } from "../harness/report.ts";
import { type BenchFunction, nodeWeb, type Server } from "../subject/index.ts";

const body = '{"hello":"world"}';
const account = "000000000000";
const bare = "a bare call";
const withEvent = "a bare call with a front door's event";

/** One way to a function by HTTP. Another door is another entry. */
interface DoorWay {
  readonly name: string;
  /** Makes the door; the Host header and path by which it is reached. */
  make(server: Server, fn: BenchFunction): Promise<{ readonly host: string; readonly path: string }>;
}

const arnOf = (fn: BenchFunction) => `arn:aws:lambda:us-east-1:${account}:function:${fn.name}`;

const ways: readonly DoorWay[] = [
  {
    name: "function URL",
    async make(server, fn) {
      const made = await server.call("POST", `/2021-10-31/functions/${fn.name}/url`, { AuthType: "NONE" });
      await permit(server, fn, { Action: "lambda:InvokeFunctionUrl", Principal: "*", FunctionUrlAuthType: "NONE" });
      await permit(server, fn, { Action: "lambda:InvokeFunction", Principal: "*", InvokedViaFunctionUrl: true });
      return { host: new URL(String(made.FunctionUrl)).host, path: "/" };
    },
  },
  {
    name: "HTTP API",
    async make(server, fn) {
      await permit(server, fn, { Action: "lambda:InvokeFunction", Principal: "apigateway.amazonaws.com" });
      const { apiId } = await gateway(server, "POST", "/v2/apis", {
        name: "doors",
        protocolType: "HTTP",
        target: arnOf(fn),
      });
      return { host: `${apiId}.execute-api.localhost`, path: "/" };
    },
  },
  {
    name: "REST API",
    async make(server, fn) {
      const { id, rootResourceId } = await gateway(server, "POST", "/restapis", { name: "doors" });
      const method = `/restapis/${id}/resources/${rootResourceId}/methods/ANY`;
      await gateway(server, "PUT", method, { authorizationType: "NONE" });
      const uri = `arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${arnOf(fn)}/invocations`;
      await gateway(server, "PUT", `${method}/integration`, { type: "AWS_PROXY", httpMethod: "POST", uri });
      await gateway(server, "POST", `/restapis/${id}/deployments`, { stageName: "s" });
      return { host: `${id}.execute-api.localhost`, path: "/s" };
    },
  },
  {
    name: "load balancer",
    async make(server, fn) {
      await permit(server, fn, {
        Action: "lambda:InvokeFunction",
        Principal: "elasticloadbalancing.amazonaws.com",
      });
      const group = await balancing(server, "TargetGroupArn", {
        Action: "CreateTargetGroup",
        Name: "doors",
        TargetType: "lambda",
      });
      await balancing(server, undefined, {
        Action: "RegisterTargets",
        TargetGroupArn: group,
        "Targets.member.1.Id": arnOf(fn),
      });
      const made = { Action: "CreateLoadBalancer", Name: "doors", "Subnets.member.1": "a", "Subnets.member.2": "b" };
      const balancer = await balancing(server, "LoadBalancerArn", made);
      await balancing(server, undefined, {
        Action: "CreateListener",
        LoadBalancerArn: balancer,
        Port: "80",
        Protocol: "HTTP",
        "DefaultActions.member.1.Type": "forward",
        "DefaultActions.member.1.TargetGroupArn": group,
      });
      const host = await balancing(server, "DNSName", { Action: "DescribeLoadBalancers" });
      return { host, path: "/" };
    },
  },
];

/** About as large as what the doors make of this request: what of their cost is the event's own. */
const event = JSON.stringify({
  headers: Object.fromEntries(Array.from({ length: 16 }, (_, at) => [`x-header-${at}`, "a header's usual value"])),
  requestContext: Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`member${at}`, "some more"])),
  body,
});

/** Every front door against Lambda's own API, warm, one call after the other, with the same function and body. */
export async function doorCosts(server: Server, options: WorkloadOptions) {
  const fn = await nodeWeb();
  await server.create(fn);
  const count = options.quick ? 200 : 1000;
  const url = server.endpoint;
  const loop = (bytes: Buffer) => async () => {
    await serial({ url, bytes, count: 20, check });
    return serial({ url, bytes, count, check });
  };
  const subjects = [
    { name: bare, once: loop(request(server.url(fn.name), body)) },
    { name: withEvent, once: loop(request(server.url(fn.name), event)) },
  ];
  for (const way of ways) {
    const { host, path } = await way.make(server, fn);
    subjects.push({ name: way.name, once: loop(request(new URL(path, url), body, { Host: host })) });
  }
  const rounds = options.rounds ?? (options.quick ? 2 : 5);
  const run = await interleave(subjects, { rounds, tooLoaded });
  const goal = {
    goal: "the cost of a front door over a bare invoke",
    what: "front door",
    limit: 1.3,
    direction: "at most",
    baseline: bare,
  } as const;
  return { run, verdicts: ways.map(({ name }) => judge({ ...goal, subject: name }, run.samples, run.loaded)) };
}

function check(answer: Answer): void {
  if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.body.toString().slice(0, 500)}`);
}

async function permit(server: Server, fn: BenchFunction, permission: Readonly<Record<string, unknown>>): Promise<void> {
  const StatementId = `${permission.Action}-${permission.Principal}`.replace(/[^A-Za-z]+/g, "-");
  await server.call("POST", `/2015-03-31/functions/${fn.name}/policy`, { StatementId, ...permission });
}

const signedFor = (service: string) => ({
  Authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`,
});

/** One operation of API Gateway. */
async function gateway(server: Server, method: string, path: string, input: object): Promise<Record<string, unknown>> {
  const headers = { "content-type": "application/json", ...signedFor("apigateway") };
  const answer = await fetch(new URL(path, server.endpoint), { method, headers, body: JSON.stringify(input) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Record<string, unknown>;
}

/** One operation of Elastic Load Balancing; gives back the first element of a name. */
async function balancing(server: Server, wanted: string | undefined, parameters: Readonly<Record<string, string>>) {
  const body = new URLSearchParams({ Version: "2015-12-01", ...parameters });
  const headers = signedFor("elasticloadbalancing");
  const answer = await fetch(server.endpoint, { method: "POST", headers, body });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${parameters.Action}: ${answer.status} ${text}`);
  return wanted === undefined ? "" : (new RegExp(`<${wanted}>([^<]+)<`).exec(text)?.[1] ?? "");
}
