import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  APIGatewayClient,
  CreateApiKeyCommand,
  CreateAuthorizerCommand,
  CreateDeploymentCommand,
  CreateModelCommand,
  CreateRequestValidatorCommand,
  CreateResourceCommand,
  CreateRestApiCommand,
  CreateStageCommand,
  CreateUsagePlanCommand,
  CreateUsagePlanKeyCommand,
  DeleteApiKeyCommand,
  DeleteDeploymentCommand,
  DeleteResourceCommand,
  DeleteRestApiCommand,
  DeleteStageCommand,
  DeleteUsagePlanCommand,
  DeleteUsagePlanKeyCommand,
  GetAccountCommand,
  GetApiKeyCommand,
  GetAuthorizerCommand,
  GetDeploymentCommand,
  GetGatewayResponseCommand,
  GetIntegrationCommand,
  GetIntegrationResponseCommand,
  GetMethodCommand,
  GetMethodResponseCommand,
  GetModelCommand,
  GetRequestValidatorCommand,
  GetResourceCommand,
  GetResourcesCommand,
  GetRestApiCommand,
  GetStageCommand,
  GetUsagePlanCommand,
  GetUsagePlanKeyCommand,
  type PatchOperation,
  PutGatewayResponseCommand,
  PutIntegrationCommand,
  PutIntegrationResponseCommand,
  PutMethodCommand,
  PutMethodResponseCommand,
  UpdateAccountCommand,
  UpdateApiKeyCommand,
  UpdateIntegrationCommand,
  UpdateMethodCommand,
  UpdateRestApiCommand,
  UpdateStageCommand,
  UpdateUsagePlanCommand,
} from "@aws-sdk/client-api-gateway";
import { type Door, openDoor } from "./door.ts";

/**
 * The calls of Terraform's AWS provider for `aws_api_gateway_*`, as its source makes them (hashicorp/terraform-provider-aws,
 * internal/service/apigateway), and what its next plan compares: an answer that differs from what was asked for is a difference that a
 * user sees at every plan.
 */
let door: Door;
let client: APIGatewayClient;
before(async () => {
  door = await openDoor();
  client = new APIGatewayClient({
    endpoint: door.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
});
after(async () => {
  client.destroy();
  await door[Symbol.asyncDispose]();
  assert.deepEqual(door.reported, []);
});

const change = (op: PatchOperation["op"], path: string, value?: string): PatchOperation => ({
  op,
  path,
  ...(value === undefined ? {} : { value }),
});
const uri =
  "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:f/invocations";
const policy = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: "*", Action: "execute-api:Invoke", Resource: "*" }],
});

/** Everything of an answer that is asked about. */
function has(answer: object, wanted: object): void {
  const { $metadata, ...shown } = answer as Record<string, unknown>;
  const found = Object.fromEntries(Object.keys(wanted).map((name) => [name, shown[name]]));
  assert.deepEqual(found, wanted);
}

test("an API, its resources, methods and integrations are read as they were made and changed", async () => {
  const made = await client.send(
    new CreateRestApiCommand({
      name: "tf",
      description: "d",
      binaryMediaTypes: ["image/png"],
      endpointConfiguration: { types: ["REGIONAL"] },
      policy,
      tags: { a: "1" },
    }),
  );
  const restApiId = made.id!;
  const read = () => client.send(new GetRestApiCommand({ restApiId }));
  const { policy: shownPolicy = "", ...api } = await read();
  assert.equal(JSON.parse(`"${shownPolicy}"`), policy);
  has(api, {
    name: "tf",
    description: "d",
    binaryMediaTypes: ["image/png"],
    apiKeySource: "HEADER",
    disableExecuteApiEndpoint: false,
    minimumCompressionSize: undefined,
    tags: { a: "1" },
  });
  assert.deepEqual(api.endpointConfiguration?.types, ["REGIONAL"]);
  const { items = [] } = await client.send(new GetResourcesCommand({ restApiId }));
  assert.deepEqual(
    items.map(({ id, path }) => [id, path]),
    [[made.rootResourceId, "/"]],
  );
  await client.send(
    new UpdateRestApiCommand({
      restApiId,
      patchOperations: [
        change("replace", "/name", "tf2"),
        change("replace", "/description", "e"),
        change("replace", "/binaryMediaTypes/image~1png", "image/jpeg"),
        change("add", "/binaryMediaTypes/*~1*"),
        change("replace", "/minimumCompressionSize", "1024"),
        change("replace", "/disableExecuteApiEndpoint", "true"),
        change("replace", "/apiKeySource", "AUTHORIZER"),
        change("replace", "/policy", ""),
        change("replace", "/endpointConfiguration/types/0", "EDGE"),
      ],
    }),
  );
  const changed = await read();
  has(changed, {
    name: "tf2",
    description: "e",
    minimumCompressionSize: 1024,
    disableExecuteApiEndpoint: true,
    apiKeySource: "AUTHORIZER",
    policy: undefined,
  });
  assert.ok(changed.binaryMediaTypes?.includes("*/*"));
  assert.deepEqual(changed.endpointConfiguration?.types, ["EDGE"]);

  const resource = await client.send(
    new CreateResourceCommand({ restApiId, parentId: made.rootResourceId!, pathPart: "{id}" }),
  );
  const at = { restApiId, resourceId: resource.id! };
  has(await client.send(new GetResourceCommand(at)), {
    path: "/{id}",
    pathPart: "{id}",
    parentId: made.rootResourceId,
  });
  const validator = await client.send(
    new CreateRequestValidatorCommand({ restApiId, name: "v", validateRequestBody: true }),
  );
  has(await client.send(new GetRequestValidatorCommand({ restApiId, requestValidatorId: validator.id! })), {
    name: "v",
    validateRequestBody: true,
    validateRequestParameters: false,
  });
  const schema = JSON.stringify({ type: "object" });
  await client.send(new CreateModelCommand({ restApiId, name: "M", contentType: "application/json", schema }));
  has(await client.send(new GetModelCommand({ restApiId, modelName: "M", flatten: false })), {
    name: "M",
    contentType: "application/json",
    schema,
  });
  const method = { ...at, httpMethod: "GET" };
  await client.send(
    new PutMethodCommand({
      ...method,
      authorizationType: "NONE",
      apiKeyRequired: false,
      requestParameters: { "method.request.path.id": true },
    }),
  );
  await client.send(
    new UpdateMethodCommand({
      ...method,
      patchOperations: [
        change("add", "/requestModels/application~1json", "M"),
        change("add", "/requestParameters/method.request.header.X-A", "true"),
        change("remove", "/requestParameters/method.request.path.id"),
        change("replace", "/requestValidatorId", validator.id),
        change("replace", "/apiKeyRequired", "true"),
        change("replace", "/authorizationType", "AWS_IAM"),
      ],
    }),
  );
  has(await client.send(new GetMethodCommand(method)), {
    authorizationType: "AWS_IAM",
    apiKeyRequired: true,
    requestModels: { "application/json": "M" },
    requestParameters: { "method.request.header.X-A": true },
    requestValidatorId: validator.id,
  });
  const headers = { "method.response.header.X-B": true };
  await client.send(
    new PutMethodResponseCommand({
      ...method,
      statusCode: "200",
      responseModels: { "application/json": "M" },
      responseParameters: headers,
    }),
  );
  has(await client.send(new GetMethodResponseCommand({ ...method, statusCode: "200" })), {
    statusCode: "200",
    responseModels: { "application/json": "M" },
    responseParameters: headers,
  });
  await client.send(
    new PutIntegrationCommand({
      ...method,
      type: "AWS",
      integrationHttpMethod: "POST",
      uri,
      requestTemplates: { "application/json": "{}" },
      passthroughBehavior: "WHEN_NO_TEMPLATES",
      timeoutInMillis: 5000,
    }),
  );
  await client.send(
    new UpdateIntegrationCommand({
      ...method,
      patchOperations: [
        change("replace", "/requestTemplates/application~1json", '{"a":1}'),
        change("add", "/requestTemplates/text~1plain", "{}"),
        change("replace", "/passthroughBehavior", "NEVER"),
        change("replace", "/timeoutInMillis", "6000"),
        change("replace", "/cacheNamespace", "ns"),
        change("add", "/requestParameters/integration.request.header.X-C", "'c'"),
      ],
    }),
  );
  has(await client.send(new GetIntegrationCommand(method)), {
    type: "AWS",
    httpMethod: "POST",
    uri,
    requestTemplates: { "application/json": '{"a":1}', "text/plain": "{}" },
    passthroughBehavior: "NEVER",
    timeoutInMillis: 6000,
    cacheNamespace: "ns",
    cacheKeyParameters: [],
    requestParameters: { "integration.request.header.X-C": "'c'" },
  });
  const answer = {
    statusCode: "200",
    selectionPattern: "ok.*",
    responseTemplates: { "application/json": "{}" },
    responseParameters: { "method.response.header.X-B": "'b'" },
  };
  await client.send(new PutIntegrationResponseCommand({ ...method, ...answer }));
  has(await client.send(new GetIntegrationResponseCommand({ ...method, statusCode: "200" })), answer);
  const authorizer = await client.send(
    new CreateAuthorizerCommand({
      restApiId,
      name: "a",
      type: "TOKEN",
      authorizerUri: uri,
      authorizerResultTtlInSeconds: 0,
    }),
  );
  has(await client.send(new GetAuthorizerCommand({ restApiId, authorizerId: authorizer.id! })), {
    name: "a",
    type: "TOKEN",
    authorizerUri: uri,
    authorizerResultTtlInSeconds: 0,
    identitySource: "method.request.header.Authorization",
  });
  const responseTemplates = { "application/json": '{"m":$context.error.messageString}' };
  const gatewayResponse = { restApiId, responseType: "UNAUTHORIZED" as const };
  await client.send(new PutGatewayResponseCommand({ ...gatewayResponse, statusCode: "401", responseTemplates }));
  has(await client.send(new GetGatewayResponseCommand(gatewayResponse)), { statusCode: "401", responseTemplates });
  await client.send(new DeleteResourceCommand(at));
  await assert.rejects(client.send(new GetResourceCommand(at)), { name: "NotFoundException" });
  await client.send(new DeleteRestApiCommand({ restApiId }));
  await assert.rejects(read(), { name: "NotFoundException" });
});

test("stages, their settings, keys and plans are read as they were made, changed and taken apart", async () => {
  const { id: restApiId = "", rootResourceId: resourceId = "" } = await client.send(
    new CreateRestApiCommand({ name: "s" }),
  );
  const method = { restApiId, resourceId, httpMethod: "GET" };
  await client.send(new PutMethodCommand({ ...method, authorizationType: "NONE" }));
  await client.send(new PutIntegrationCommand({ ...method, type: "AWS_PROXY", integrationHttpMethod: "POST", uri }));
  const [first, second] = [
    await client.send(new CreateDeploymentCommand({ restApiId, description: "one" })),
    await client.send(new CreateDeploymentCommand({ restApiId })),
  ];
  has(await client.send(new GetDeploymentCommand({ restApiId, deploymentId: first.id! })), { description: "one" });
  const stageName = "prod";
  await client.send(
    new CreateStageCommand({
      restApiId,
      stageName,
      deploymentId: first.id!,
      variables: { a: "1", b: "2" },
      tracingEnabled: true,
      tags: { t: "1" },
    }),
  );
  const patch = (...patchOperations: PatchOperation[]) =>
    client.send(new UpdateStageCommand({ restApiId, stageName, patchOperations }));
  await patch(
    change("replace", "/variables/a", "3"),
    change("remove", "/variables/b"),
    change("replace", "/deploymentId", second.id),
    change("replace", "/description", "d"),
    change("replace", "/accessLogSettings/destinationArn", "arn:aws:logs:us-east-1:000000000000:log-group:g"),
    change("replace", "/accessLogSettings/format", "$context.requestId"),
    change("replace", "/*/*/metrics/enabled", "true"),
    change("replace", "/*/*/logging/loglevel", "INFO"),
    change("replace", "/*/*/throttling/burstLimit", "10"),
    change("replace", "/*/*/throttling/rateLimit", "5.5"),
    change("replace", "/~1pets/GET/caching/ttlInSeconds", "60"),
  );
  const stage = await client.send(new GetStageCommand({ restApiId, stageName }));
  has(stage, {
    deploymentId: second.id,
    variables: { a: "3" },
    description: "d",
    tracingEnabled: true,
    tags: { t: "1" },
    accessLogSettings: {
      destinationArn: "arn:aws:logs:us-east-1:000000000000:log-group:g",
      format: "$context.requestId",
    },
  });
  has(stage.methodSettings!["*/*"]!, {
    metricsEnabled: true,
    loggingLevel: "INFO",
    throttlingBurstLimit: 10,
    throttlingRateLimit: 5.5,
  });
  has(stage.methodSettings!["~1pets/GET"]!, { cacheTtlInSeconds: 60 });
  await patch(change("remove", "/accessLogSettings"), change("remove", "/*/*"), change("remove", "/~1pets/GET"));
  const bare = await client.send(new GetStageCommand({ restApiId, stageName }));
  assert.deepEqual([bare.accessLogSettings, bare.methodSettings ?? {}], [undefined, {}]);
  await assert.rejects(client.send(new DeleteDeploymentCommand({ restApiId, deploymentId: second.id! })), {
    name: "BadRequestException",
  });

  const key = await client.send(new CreateApiKeyCommand({ name: "k", enabled: true, value: "v".repeat(20) }));
  const apiKey = key.id!;
  await client.send(
    new UpdateApiKeyCommand({
      apiKey,
      patchOperations: [change("replace", "/description", "d"), change("replace", "/enabled", "false")],
    }),
  );
  has(await client.send(new GetApiKeyCommand({ apiKey, includeValue: true })), {
    name: "k",
    description: "d",
    enabled: false,
    value: "v".repeat(20),
  });
  const plan = await client.send(
    new CreateUsagePlanCommand({
      name: "p",
      apiStages: [{ apiId: restApiId, stage: stageName }],
      quota: { limit: 10, offset: 1, period: "WEEK" },
      throttle: { burstLimit: 2, rateLimit: 1 },
    }),
  );
  const usagePlanId = plan.id!;
  const change_ = (...patchOperations: PatchOperation[]) =>
    client.send(new UpdateUsagePlanCommand({ usagePlanId, patchOperations }));
  await change_(
    change("replace", "/name", "q"),
    change("replace", "/quota/limit", "20"),
    change("replace", "/throttle/rateLimit", "2.5"),
    change("replace", `/apiStages/${restApiId}:${stageName}/throttle/~1pets/GET/rateLimit`, "3"),
    change("replace", `/apiStages/${restApiId}:${stageName}/throttle/~1pets/GET/burstLimit`, "4"),
  );
  has(await client.send(new GetUsagePlanCommand({ usagePlanId })), {
    name: "q",
    quota: { limit: 20, offset: 1, period: "WEEK" },
    throttle: { burstLimit: 2, rateLimit: 2.5 },
    apiStages: [{ apiId: restApiId, stage: stageName, throttle: { "/pets/GET": { burstLimit: 4, rateLimit: 3 } } }],
  });
  await client.send(new CreateUsagePlanKeyCommand({ usagePlanId, keyId: apiKey, keyType: "API_KEY" }));
  has(await client.send(new GetUsagePlanKeyCommand({ usagePlanId, keyId: apiKey })), { id: apiKey, name: "k" });
  await client.send(new DeleteUsagePlanKeyCommand({ usagePlanId, keyId: apiKey }));
  await assert.rejects(client.send(new GetUsagePlanKeyCommand({ usagePlanId, keyId: apiKey })), {
    name: "NotFoundException",
  });
  await assert.rejects(client.send(new DeleteUsagePlanCommand({ usagePlanId })), { name: "BadRequestException" });
  await change_(change("remove", "/apiStages", `${restApiId}:${stageName}`), change("remove", "/quota"));
  await client.send(new DeleteUsagePlanCommand({ usagePlanId }));
  await client.send(new DeleteApiKeyCommand({ apiKey }));
  await client.send(new DeleteStageCommand({ restApiId, stageName }));
  await client.send(new DeleteDeploymentCommand({ restApiId, deploymentId: second.id! }));
  const role = "arn:aws:iam::000000000000:role/logs";
  const patchOperations = [change("replace", "/cloudwatchRoleArn", role)];
  await client.send(new UpdateAccountCommand({ patchOperations }));
  has(await client.send(new GetAccountCommand({})), { cloudwatchRoleArn: role });
});
