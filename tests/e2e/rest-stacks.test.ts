import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  waitUntilStackCreateComplete,
  waitUntilStackDeleteComplete,
} from "@aws-sdk/client-cloudformation";
import { ask } from "../conformance/front.ts";
import { type Server, startServer } from "./server.ts";

/** REST APIs and load balancers as templates make them, with a function that really runs. */
let server: Server;
let stacks: CloudFormationClient;

before(async () => {
  server = await startServer();
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  stacks = new CloudFormationClient({ endpoint: server.endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
});
after(async () => {
  stacks.destroy();
  await server[Symbol.asyncDispose]();
});

const waiting = () => ({ client: stacks, maxWaitTime: 60, minDelay: 1, maxDelay: 1 });

/** Its outputs, by their keys. */
async function made(StackName: string, TemplateBody: string): Promise<Record<string, string>> {
  const Capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"] as const;
  await stacks.send(new CreateStackCommand({ StackName, TemplateBody, Capabilities: [...Capabilities] }));
  try {
    await waitUntilStackCreateComplete(waiting(), { StackName });
  } catch (error) {
    const { StackEvents = [] } = await stacks.send(new DescribeStackEventsCommand({ StackName }));
    const reasons = StackEvents.flatMap(({ LogicalResourceId, ResourceStatusReason }) =>
      ResourceStatusReason === undefined ? [] : `${LogicalResourceId}: ${ResourceStatusReason}`,
    );
    throw new Error(reasons.join("\n"), { cause: error });
  }
  const { Stacks } = await stacks.send(new DescribeStacksCommand({ StackName }));
  const outputs = Stacks?.[0]?.Outputs ?? [];
  return Object.fromEntries(outputs.map(({ OutputKey = "", OutputValue = "" }) => [OutputKey, OutputValue]));
}

async function gone(StackName: string): Promise<void> {
  await stacks.send(new DeleteStackCommand({ StackName }));
  await waitUntilStackDeleteComplete(waiting(), { StackName });
}

const code = (said: string) => ({
  Type: "AWS::Serverless::Function",
  Properties: {
    Runtime: "nodejs22.x",
    Handler: "index.handler",
    InlineCode: `exports.handler = async (event) => ({ statusCode: 200, body: ${said} });`,
  },
});

test("sam's Api events become a REST API that calls its function", async () => {
  const hello = code("event.resource + ' ' + JSON.stringify(event.pathParameters)");
  const Events = { Get: { Type: "Api", Properties: { Path: "/hello/{name}", Method: "get" } } };
  const template = {
    Transform: "AWS::Serverless-2016-10-31",
    Resources: { Hello: { ...hello, Properties: { ...hello.Properties, Events } } },
    Outputs: { Api: { Value: { Ref: "ServerlessRestApi" } } },
  };
  const { Api } = await made("rest", JSON.stringify(template));
  const host = `${Api}.execute-api.us-east-1.localhost`;
  const told = await ask(server, host, { path: "/Prod/hello/ann" });
  assert.deepEqual([told.status, told.text], [200, '/hello/{name} {"name":"ann"}']);
  await gone("rest");
  assert.notEqual((await ask(server, host, { path: "/Prod/hello/ann" })).status, 200);
});

test("resources, methods and a deployment of their own, as cdk writes them, and a load balancer", async () => {
  const Arn = { "Fn::GetAtt": ["Hello", "Arn"] };
  const permission = (Principal: string) => ({
    Type: "AWS::Lambda::Permission",
    Properties: { FunctionName: Arn, Action: "lambda:InvokeFunction", Principal },
  });
  const RestApiId = { Ref: "Api" };
  const TargetGroupArn = { Ref: "Group" };
  const template = {
    Transform: "AWS::Serverless-2016-10-31",
    Resources: {
      Hello: code("event.httpMethod + ' ' + event.path"),
      ByApi: permission("apigateway.amazonaws.com"),
      ByBalancer: permission("elasticloadbalancing.amazonaws.com"),
      Api: { Type: "AWS::ApiGateway::RestApi", Properties: { Name: "cdk" } },
      Proxy: {
        Type: "AWS::ApiGateway::Resource",
        Properties: { RestApiId, ParentId: { "Fn::GetAtt": ["Api", "RootResourceId"] }, PathPart: "{proxy+}" },
      },
      Any: {
        Type: "AWS::ApiGateway::Method",
        Properties: {
          RestApiId,
          ResourceId: { Ref: "Proxy" },
          HttpMethod: "ANY",
          AuthorizationType: "NONE",
          Integration: {
            Type: "AWS_PROXY",
            IntegrationHttpMethod: "POST",
            Uri: {
              "Fn::Join": ["", ["arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/", Arn, "/invocations"]],
            },
          },
        },
      },
      Deployment: { Type: "AWS::ApiGateway::Deployment", Properties: { RestApiId }, DependsOn: ["Any"] },
      Stage: {
        Type: "AWS::ApiGateway::Stage",
        Properties: { RestApiId, DeploymentId: { Ref: "Deployment" }, StageName: "prod" },
      },
      Balancer: {
        Type: "AWS::ElasticLoadBalancingV2::LoadBalancer",
        Properties: { Name: "web", Subnets: ["subnet-1", "subnet-2"] },
      },
      Group: {
        Type: "AWS::ElasticLoadBalancingV2::TargetGroup",
        Properties: { TargetType: "lambda", Targets: [{ Id: Arn }] },
        DependsOn: ["ByBalancer"],
      },
      Listener: {
        Type: "AWS::ElasticLoadBalancingV2::Listener",
        Properties: {
          LoadBalancerArn: { Ref: "Balancer" },
          Port: 80,
          Protocol: "HTTP",
          DefaultActions: [{ Type: "forward", TargetGroupArn }],
        },
      },
    },
    Outputs: { Api: { Value: RestApiId }, Host: { Value: { "Fn::GetAtt": ["Balancer", "DNSName"] } } },
  };
  const { Api, Host } = await made("parts", JSON.stringify(template));
  const told = await ask(server, `${Api}.execute-api.us-east-1.localhost`, { method: "PUT", path: "/prod/a/b" });
  assert.deepEqual([told.status, told.text], [200, "PUT /a/b"]);
  assert.match(Host ?? "", /^web\.elb\.localhost/);
  assert.equal((await ask(server, Host ?? "", { path: "/c" })).text, "GET /c");
  await gone("parts");
});
