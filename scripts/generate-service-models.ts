/**
 * Writes the generated/model.json of Lambda and of the services around it: operations and shapes of the public service
 * models, without their prose. The source is botocore, because it alone of the official clients carries the constraints
 * (lengths, ranges, patterns, enumerations); for Lambda the JavaScript SDK's schemas are compared with it by name.
 *
 * usage: node scripts/generate-service-models.ts [service …] [botocore.whl]
 * Without a service: all of the table; without a wheel: the newest, by pip.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { fromBuffer } from "yauzl";

type Json = Record<string, unknown>;
interface ServiceModel {
  readonly operations: Readonly<Record<string, Json>>;
  readonly shapes: Readonly<Record<string, Json>>;
}

interface Target {
  /** of its folder in botocore */
  readonly version: string;
  /** folder under src/edge */
  readonly folder: string;
  /** of all that the service has, with the shapes they need; left out: everything */
  readonly operations?: readonly string[];
}

const targets: Readonly<Record<string, Target>> = {
  lambda: { version: "2015-03-31", folder: "lambda-api" },
  signer: {
    version: "2017-08-25",
    folder: "aws/signer",
    operations: [
      "CancelSigningProfile",
      "DescribeSigningJob",
      "GetSigningPlatform",
      "GetSigningProfile",
      "ListSigningJobs",
      "ListSigningPlatforms",
      "ListSigningProfiles",
      "ListTagsForResource",
      "PutSigningProfile",
      "RevokeSignature",
      "RevokeSigningProfile",
      "SignPayload",
      "StartSigningJob",
      "TagResource",
      "UntagResource",
    ],
  },
  apigateway: {
    version: "2015-07-09",
    folder: "aws/apigateway",
    operations: [
      "CreateApiKey",
      "CreateAuthorizer",
      "CreateDeployment",
      "CreateModel",
      "CreateRequestValidator",
      "CreateResource",
      "CreateRestApi",
      "CreateStage",
      "CreateUsagePlan",
      "CreateUsagePlanKey",
      "DeleteApiKey",
      "DeleteAuthorizer",
      "DeleteDeployment",
      "DeleteGatewayResponse",
      "DeleteIntegration",
      "DeleteIntegrationResponse",
      "DeleteMethod",
      "DeleteMethodResponse",
      "DeleteModel",
      "DeleteRequestValidator",
      "DeleteResource",
      "DeleteRestApi",
      "DeleteStage",
      "DeleteUsagePlan",
      "DeleteUsagePlanKey",
      "FlushStageAuthorizersCache",
      "FlushStageCache",
      "GetAccount",
      "GetApiKey",
      "GetApiKeys",
      "GetAuthorizer",
      "GetAuthorizers",
      "GetDeployment",
      "GetDeployments",
      "GetGatewayResponse",
      "GetGatewayResponses",
      "GetIntegration",
      "GetIntegrationResponse",
      "GetMethod",
      "GetMethodResponse",
      "GetModel",
      "GetModels",
      "GetRequestValidator",
      "GetRequestValidators",
      "GetResource",
      "GetResources",
      "GetRestApi",
      "GetRestApis",
      "GetStage",
      "GetStages",
      "GetTags",
      "GetUsage",
      "GetUsagePlan",
      "GetUsagePlanKey",
      "GetUsagePlanKeys",
      "GetUsagePlans",
      "ImportRestApi",
      "PutGatewayResponse",
      "PutIntegration",
      "PutIntegrationResponse",
      "PutMethod",
      "PutMethodResponse",
      "PutRestApi",
      "TagResource",
      "TestInvokeMethod",
      "UntagResource",
      "UpdateAccount",
      "UpdateApiKey",
      "UpdateAuthorizer",
      "UpdateDeployment",
      "UpdateGatewayResponse",
      "UpdateIntegration",
      "UpdateIntegrationResponse",
      "UpdateMethod",
      "UpdateMethodResponse",
      "UpdateModel",
      "UpdateRequestValidator",
      "UpdateResource",
      "UpdateRestApi",
      "UpdateStage",
      "UpdateUsagePlan",
    ],
  },
  apigatewayv2: {
    version: "2018-11-29",
    folder: "aws/apigatewayv2",
    operations: [
      "CreateApi",
      "CreateApiMapping",
      "CreateAuthorizer",
      "CreateDeployment",
      "CreateDomainName",
      "CreateIntegration",
      "CreateIntegrationResponse",
      "CreateModel",
      "CreateRoute",
      "CreateRouteResponse",
      "CreateStage",
      "DeleteAccessLogSettings",
      "DeleteApi",
      "DeleteApiMapping",
      "DeleteAuthorizer",
      "DeleteCorsConfiguration",
      "DeleteDeployment",
      "DeleteDomainName",
      "DeleteIntegration",
      "DeleteIntegrationResponse",
      "DeleteModel",
      "DeleteRoute",
      "DeleteRouteRequestParameter",
      "DeleteRouteResponse",
      "DeleteRouteSettings",
      "DeleteStage",
      "GetApi",
      "GetApiMapping",
      "GetApiMappings",
      "GetApis",
      "GetAuthorizer",
      "GetAuthorizers",
      "GetDeployment",
      "GetDeployments",
      "GetDomainName",
      "GetDomainNames",
      "GetIntegration",
      "GetIntegrationResponse",
      "GetIntegrationResponses",
      "GetIntegrations",
      "GetModel",
      "GetModels",
      "GetRoute",
      "GetRouteResponse",
      "GetRouteResponses",
      "GetRoutes",
      "GetStage",
      "GetStages",
      "GetTags",
      "ImportApi",
      "ReimportApi",
      "ResetAuthorizersCache",
      "TagResource",
      "UntagResource",
      "UpdateApi",
      "UpdateApiMapping",
      "UpdateAuthorizer",
      "UpdateDeployment",
      "UpdateDomainName",
      "UpdateIntegration",
      "UpdateIntegrationResponse",
      "UpdateModel",
      "UpdateRoute",
      "UpdateRouteResponse",
      "UpdateStage",
    ],
  },
  cloudformation: {
    version: "2010-05-15",
    folder: "aws/cloudformation",
    operations: [
      "CancelUpdateStack",
      "ContinueUpdateRollback",
      "CreateChangeSet",
      "CreateStack",
      "DeleteChangeSet",
      "DeleteStack",
      "DescribeAccountLimits",
      "DescribeChangeSet",
      "DescribeEvents",
      "DescribeStackEvents",
      "DescribeStackResource",
      "DescribeStackResources",
      "DescribeStacks",
      "ExecuteChangeSet",
      "GetStackPolicy",
      "GetTemplate",
      "GetTemplateSummary",
      "ListChangeSets",
      "ListExports",
      "ListImports",
      "ListStackResources",
      "ListStacks",
      "RollbackStack",
      "SetStackPolicy",
      "UpdateStack",
      "UpdateTerminationProtection",
      "ValidateTemplate",
    ],
  },
  kms: {
    version: "2014-11-01",
    folder: "aws/kms",
    operations: [
      "CancelKeyDeletion",
      "CreateAlias",
      "CreateGrant",
      "CreateKey",
      "Decrypt",
      "DeleteAlias",
      "DescribeKey",
      "DisableKey",
      "DisableKeyRotation",
      "EnableKey",
      "EnableKeyRotation",
      "Encrypt",
      "GenerateDataKey",
      "GenerateDataKeyWithoutPlaintext",
      "GenerateMac",
      "GenerateRandom",
      "GetKeyPolicy",
      "GetKeyRotationStatus",
      "GetPublicKey",
      "ListAliases",
      "ListGrants",
      "ListKeyPolicies",
      "ListKeyRotations",
      "ListKeys",
      "ListResourceTags",
      "ListRetirableGrants",
      "PutKeyPolicy",
      "ReEncrypt",
      "RetireGrant",
      "RevokeGrant",
      "RotateKeyOnDemand",
      "ScheduleKeyDeletion",
      "Sign",
      "TagResource",
      "UntagResource",
      "UpdateAlias",
      "UpdateKeyDescription",
      "Verify",
      "VerifyMac",
    ],
  },
  ecr: {
    version: "2015-09-21",
    folder: "aws/ecr",
    operations: [
      "BatchCheckLayerAvailability",
      "BatchDeleteImage",
      "BatchGetImage",
      "CompleteLayerUpload",
      "CreateRepository",
      "DeleteLifecyclePolicy",
      "DeleteRepository",
      "DeleteRepositoryPolicy",
      "DescribeImages",
      "DescribeRegistry",
      "DescribeRepositories",
      "GetAuthorizationToken",
      "GetDownloadUrlForLayer",
      "GetLifecyclePolicy",
      "GetRepositoryPolicy",
      "InitiateLayerUpload",
      "ListImages",
      "ListTagsForResource",
      "PutImage",
      "PutImageScanningConfiguration",
      "PutImageTagMutability",
      "PutLifecyclePolicy",
      "SetRepositoryPolicy",
      "TagResource",
      "UntagResource",
      "UploadLayerPart",
    ],
  },
  logs: {
    version: "2014-03-28",
    folder: "aws/logs",
    operations: [
      "CreateLogGroup",
      "CreateLogStream",
      "DeleteLogGroup",
      "DeleteLogStream",
      "DeleteMetricFilter",
      "DeleteRetentionPolicy",
      "DeleteSubscriptionFilter",
      "DescribeLogGroups",
      "DescribeLogStreams",
      "DescribeMetricFilters",
      "DescribeQueries",
      "DescribeSubscriptionFilters",
      "FilterLogEvents",
      "GetLogEvents",
      "GetLogGroupFields",
      "GetLogRecord",
      "GetQueryResults",
      "ListTagsForResource",
      "ListTagsLogGroup",
      "PutLogEvents",
      "PutMetricFilter",
      "PutRetentionPolicy",
      "PutSubscriptionFilter",
      "StartLiveTail",
      "StartQuery",
      "StopQuery",
      "TagLogGroup",
      "TagResource",
      "TestMetricFilter",
      "UntagLogGroup",
      "UntagResource",
    ],
  },
  xray: {
    version: "2016-04-12",
    folder: "aws/xray",
    operations: [
      "BatchGetTraces",
      "GetSamplingRules",
      "GetSamplingStatisticSummaries",
      "GetSamplingTargets",
      "GetServiceGraph",
      "GetTraceGraph",
      "GetTraceSummaries",
      "PutTelemetryRecords",
      "PutTraceSegments",
    ],
  },
  cloudwatch: {
    version: "2010-08-01",
    folder: "aws/cloudwatch",
    operations: [
      "DeleteAlarms",
      "DeleteDashboards",
      "DescribeAlarmHistory",
      "DescribeAlarms",
      "DescribeAlarmsForMetric",
      "DisableAlarmActions",
      "EnableAlarmActions",
      "GetDashboard",
      "GetMetricData",
      "GetMetricStatistics",
      "ListDashboards",
      "ListMetrics",
      "ListTagsForResource",
      "PutCompositeAlarm",
      "PutDashboard",
      "PutMetricAlarm",
      "PutMetricData",
      "SetAlarmState",
      "TagResource",
      "UntagResource",
    ],
  },
  elbv2: {
    version: "2015-12-01",
    folder: "aws/elbv2",
    operations: [
      "AddListenerCertificates",
      "AddTags",
      "CreateListener",
      "CreateLoadBalancer",
      "CreateRule",
      "CreateTargetGroup",
      "DeleteListener",
      "DeleteLoadBalancer",
      "DeleteRule",
      "DeleteTargetGroup",
      "DeregisterTargets",
      "DescribeListenerAttributes",
      "DescribeListenerCertificates",
      "DescribeListeners",
      "DescribeLoadBalancerAttributes",
      "DescribeLoadBalancers",
      "DescribeRules",
      "DescribeTags",
      "DescribeTargetGroupAttributes",
      "DescribeTargetGroups",
      "DescribeTargetHealth",
      "ModifyListener",
      "ModifyListenerAttributes",
      "ModifyLoadBalancerAttributes",
      "ModifyRule",
      "ModifyTargetGroup",
      "ModifyTargetGroupAttributes",
      "RegisterTargets",
      "RemoveTags",
      "SetRulePriorities",
      "SetSecurityGroups",
      "SetSubnets",
    ],
  },
  events: {
    version: "2015-10-07",
    folder: "aws/events",
    operations: [
      "CancelReplay",
      "CreateArchive",
      "CreateEventBus",
      "DeleteArchive",
      "DeleteEventBus",
      "DeleteRule",
      "DescribeArchive",
      "DescribeEventBus",
      "DescribeReplay",
      "DescribeRule",
      "DisableRule",
      "EnableRule",
      "ListArchives",
      "ListEventBuses",
      "ListReplays",
      "ListRuleNamesByTarget",
      "ListRules",
      "ListTagsForResource",
      "ListTargetsByRule",
      "PutEvents",
      "PutPermission",
      "PutRule",
      "PutTargets",
      "RemovePermission",
      "RemoveTargets",
      "StartReplay",
      "TagResource",
      "TestEventPattern",
      "UntagResource",
      "UpdateArchive",
      "UpdateEventBus",
    ],
  },
  scheduler: { version: "2021-06-30", folder: "aws/scheduler" },
  sns: { version: "2010-03-31", folder: "aws/sns" },
  sqs: { version: "2012-11-05", folder: "aws/sqs" },
  secretsmanager: {
    version: "2017-10-17",
    folder: "aws/secrets",
    operations: [
      "BatchGetSecretValue",
      "CreateSecret",
      "DeleteSecret",
      "DescribeSecret",
      "GetRandomPassword",
      "GetSecretValue",
      "ListSecretVersionIds",
      "ListSecrets",
      "PutSecretValue",
      "RestoreSecret",
      "TagResource",
      "UntagResource",
      "UpdateSecret",
      "UpdateSecretVersionStage",
    ],
  },
  ssm: {
    version: "2014-11-06",
    folder: "aws/parameters",
    operations: [
      "AddTagsToResource",
      "DeleteParameter",
      "DeleteParameters",
      "DescribeParameters",
      "GetParameter",
      "GetParameterHistory",
      "GetParameters",
      "GetParametersByPath",
      "LabelParameterVersion",
      "ListTagsForResource",
      "PutParameter",
      "RemoveTagsFromResource",
      "UnlabelParameterVersion",
    ],
  },
};

const edge = join(import.meta.dirname, "../src/edge");
const sdkSchemas = join(import.meta.dirname, "../node_modules/@aws-sdk/client-lambda/dist-es/schemas/schemas_0.js");

function fetchWheel(): { readonly source: string; readonly bytes: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), "lambda-model-"));
  try {
    execFileSync("pip", ["download", "--quiet", "--no-deps", "--dest", folder, "botocore"], { stdio: "inherit" });
    const wheel = readdirSync(folder).find((name) => name.endsWith(".whl"));
    if (wheel === undefined) throw new Error("pip downloaded no wheel of botocore");
    return { source: wheel, bytes: readFileSync(join(folder, wheel)) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A service's model inside the wheel, which is a zip. */
function extract(wheel: Buffer, service: string, version: string): Promise<Buffer> {
  const path = `botocore/data/${service}/${version}/service-2.json`;
  return new Promise((resolve, reject) => {
    fromBuffer(wheel, { lazyEntries: true }, (openError, zip) => {
      if (openError !== null) return reject(openError);
      zip.on("error", reject);
      zip.on("end", () => reject(new Error(`this botocore has no ${path}`)));
      zip.on("entry", (entry) => {
        if (entry.fileName !== path && entry.fileName !== `${path}.gz`) return zip.readEntry();
        zip.openReadStream(entry, (readError, stream) => {
          if (readError !== null) return reject(readError);
          const chunks: Buffer[] = [];
          stream.on("data", (chunk: Buffer) => chunks.push(chunk));
          stream.on("error", reject);
          stream.on("end", () => {
            const bytes = Buffer.concat(chunks);
            resolve(entry.fileName.endsWith(".gz") ? gunzipSync(bytes) : bytes);
          });
        });
      });
      zip.readEntry();
    });
  });
}

function withoutProse(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutProse);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => key !== "documentation");
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutProse(inner)]));
}

function operationOf(operation: Json): Json {
  const http = operation.http as { method: string; requestUri: string; responseCode?: number };
  const shape = (reference: unknown) => (reference as { shape: string } | undefined)?.shape;
  return {
    method: http.method,
    path: http.requestUri,
    status: http.responseCode ?? 200,
    input: shape(operation.input),
    output: shape(operation.output),
    errors: ((operation.errors ?? []) as unknown[]).map(shape),
  };
}

/** One entry a line, so that a new model makes a readable diff. */
function table(entries: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(entries).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  return `{\n${lines.join(",\n")}\n}`;
}

/** What the operations need of all shapes, in the model's order. */
function reachable(shapes: Readonly<Record<string, Json>>, from: readonly unknown[]): Record<string, Json> {
  const needed = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    if (typeof value !== "object" || value === null) return;
    const { shape } = value as { shape?: unknown };
    if (typeof shape === "string" && !needed.has(shape)) {
      needed.add(shape);
      visit(shapes[shape]);
    }
    Object.values(value).forEach(visit);
  };
  visit(from);
  return Object.fromEntries(Object.entries(shapes).filter(([name]) => needed.has(name)));
}

async function generate(service: string, { version, folder, operations: wanted }: Target): Promise<void> {
  const model = JSON.parse((await extract(wheel.bytes, service, version)).toString("utf8")) as ServiceModel;
  const chosen = Object.entries(model.operations).filter(([name]) => wanted === undefined || wanted.includes(name));
  const operations = Object.fromEntries(chosen.map(([name, operation]) => [name, operationOf(operation)]));
  const needed = wanted === undefined ? model.shapes : reachable(model.shapes, chosen);
  const shapes = withoutProse(needed) as Record<string, unknown>;
  const file = join(edge, folder, "generated", "model.json");
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(
    file,
    `{"source":${JSON.stringify(wheel.source)},\n"operations":${table(operations)},\n"shapes":${table(shapes)}}\n`,
  );
  console.log(
    `${service}: ${chosen.length} of ${Object.keys(model.operations).length} operations from ${wheel.source}`,
  );
  if (service === "lambda") compareWithSdk(Object.keys(operations));
}

function compareWithSdk(names: readonly string[]): void {
  const schemas = readFileSync(sdkSchemas, "utf8").matchAll(/export var (\w+)\$ = \[9,/g);
  const sdkNames = new Set([...schemas].map((match) => match[1] ?? ""));
  const report = (title: string, list: readonly string[]) =>
    list.length > 0 && console.log(`${title}: ${list.join(", ")}`);
  report(
    "only in botocore",
    names.filter((name) => !sdkNames.has(name)),
  );
  report(
    "only in the SDK",
    [...sdkNames].filter((name) => !names.includes(name)),
  );
}

const given = process.argv.slice(2);
const path = given.find((argument) => argument.endsWith(".whl"));
const services = given.filter((argument) => argument !== path);
const wheel = path === undefined ? fetchWheel() : { source: basename(path), bytes: readFileSync(path) };
for (const service of services.length === 0 ? Object.keys(targets) : services) {
  const target = targets[service];
  if (target === undefined) throw new Error(`no such service in the table: ${service}`);
  await generate(service, target);
}
