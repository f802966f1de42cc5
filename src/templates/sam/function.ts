import { isMapping, type Mapping } from "../document.ts";
import {
  attributesOf,
  conditionOf,
  digestOf,
  given,
  mappingOf,
  objectOf,
  picked,
  type SamContext,
  SamError,
  type SamResource,
  tagList,
} from "./context.ts";
import { eventsOf } from "./events.ts";
import { type InlinePolicy, roleOf } from "./role.ts";

/** CreateFunction's own members, under the same names in both. */
const same =
  "FunctionName Handler Runtime Description MemorySize Timeout VpcConfig Environment KmsKeyArn Layers EphemeralStorage SnapStart RuntimeManagementConfig LoggingConfig RecursiveLoop FileSystemConfigs CodeSigningConfigArn ReservedConcurrentExecutions Architectures PackageType ImageConfig TenancyConfig CapacityProviderConfig DurableConfig".split(
    " ",
  );
const own = new Set(
  "CodeUri InlineCode ImageUri Role Policies AssumeRolePolicyDocument PermissionsBoundary RolePath Tags PropagateTags Tracing DeadLetterQueue Events AutoPublishAlias AutoPublishCodeSha256 AutoPublishAliasAllProperties VersionDescription VersionDeletionPolicy ProvisionedConcurrencyConfig FunctionUrlConfig EventInvokeConfig DeploymentPreference SourceKMSKeyArn".split(
    " ",
  ),
);

/** AWS::Serverless::Function. Source: AWS SAM Developer Guide, the page of that name. */
export function transformFunction(context: SamContext, resource: SamResource): void {
  const { id, body, properties } = resource;
  for (const name of Object.keys(properties)) {
    if (same.includes(name) || own.has(name)) continue;
    throw new SamError(id, `property ${name} not defined for resource of type AWS::Serverless::Function`);
  }
  const condition = conditionOf(body);
  const alias = aliasOf(context, resource);
  const target = alias === undefined ? { Ref: id } : { Ref: alias };
  const events = eventsOf(context, resource, { ref: target, uri: alias ?? `${id}.Arn` });
  const invoke = invokeConfigOf(context, resource, alias);
  const deadLetter = deadLetterOf(resource);

  let role = properties.Role;
  if (role === undefined) {
    role = { "Fn::GetAtt": [`${id}Role`, "Arn"] };
    const parts = {
      managed: events.managed,
      inline: [...deadLetter.inline, ...invoke.inline],
      ofEvents: events.inline,
    };
    context.add(`${id}Role`, "AWS::IAM::Role", roleOf(id, properties, parts), condition);
  }
  const tags = [{ Key: "lambda:createdBy", Value: "SAM" }, ...tagList(properties.Tags)];
  const { Tracing } = properties;
  const code = codeOf(id, properties);
  const settings = given({
    ...picked(properties, same),
    Code: code,
    Role: role,
    Tags: tags,
    TracingConfig: Tracing === undefined || Tracing === "Disabled" ? undefined : { Mode: Tracing },
    DeadLetterConfig: deadLetter.config,
  });
  context.add(id, "AWS::Lambda::Function", settings, attributesOf(body));
  if (alias !== undefined) publish(context, resource, alias, { code, settings });
  else if (properties.ProvisionedConcurrencyConfig !== undefined) {
    throw new SamError(id, "To set ProvisionedConcurrencyConfig AutoPublishALias must be defined on the function");
  }
  if (properties.FunctionUrlConfig !== undefined) addUrl(context, resource, target);
}

function codeOf(id: string, properties: Mapping): Mapping {
  const { InlineCode, ImageUri, CodeUri, PackageType } = properties;
  if (ImageUri !== undefined || PackageType === "Image") {
    if (properties.Runtime !== undefined || properties.Handler !== undefined || properties.Layers !== undefined) {
      throw new SamError(id, "Runtime, Handler, Layers cannot be present when PackageType is of type `Image`");
    }
    if (ImageUri === undefined) throw new SamError(id, "'ImageUri' must be set.");
    return { ImageUri };
  }
  if (InlineCode !== undefined) return { ZipFile: InlineCode };
  if (CodeUri === undefined) throw new SamError(id, "Either 'InlineCode' or 'CodeUri' must be set.");
  return objectOf(id, "CodeUri", CodeUri);
}

/** The alias that is to be published to. Undefined: none. */
function aliasOf(context: SamContext, { id, properties }: SamResource): string | undefined {
  if (properties.AutoPublishAlias === undefined) return undefined;
  const name = context.plain(properties.AutoPublishAlias);
  if (typeof name !== "string" || !/^[a-zA-Z0-9_-]+$/.test(name)) {
    throw new SamError(id, "'AutoPublishAlias' must be a string or a Ref to a template parameter");
  }
  return `${id}Alias${name.replace(/[^a-zA-Z0-9]/g, "")}`;
}

/** A version whose id names its code (so that another code makes another version), and the alias that points at it. */
function publish(
  context: SamContext,
  { id, body, properties }: SamResource,
  alias: string,
  { code, settings }: { readonly code: Mapping; readonly settings: Mapping },
): void {
  const of = properties.AutoPublishAliasAllProperties === true ? settings : (properties.AutoPublishCodeSha256 ?? code);
  const version = `${id}Version${digestOf(of).slice(0, 10)}`;
  const policy = { ...conditionOf(body), DeletionPolicy: properties.VersionDeletionPolicy ?? "Retain" };
  const about = given({ FunctionName: { Ref: id }, Description: properties.VersionDescription });
  context.add(version, "AWS::Lambda::Version", about, policy);
  const settled = given({
    Name: context.plain(properties.AutoPublishAlias),
    FunctionName: { Ref: id },
    FunctionVersion: { "Fn::GetAtt": [version, "Version"] },
    ProvisionedConcurrencyConfig: properties.ProvisionedConcurrencyConfig,
  });
  context.add(alias, "AWS::Lambda::Alias", settled, conditionOf(body));
  context.alias(id, "Version", version);
  context.alias(id, "Alias", alias);
}

function addUrl(context: SamContext, { id, body, properties }: SamResource, target: Mapping): void {
  const config = mappingOf(properties.FunctionUrlConfig);
  const { AuthType } = config;
  if (AuthType === undefined)
    throw new SamError(id, "AuthType is required to configure function property `FunctionUrlConfig`.");
  const url = { TargetFunctionArn: target, ...picked(config, ["AuthType", "Cors", "InvokeMode"]) };
  context.add(`${id}Url`, "AWS::Lambda::Url", url, conditionOf(body));
  if (AuthType !== "NONE") return;
  const open = { FunctionName: target, Principal: "*" };
  context.add(
    `${id}UrlPublicPermissions`,
    "AWS::Lambda::Permission",
    { Action: "lambda:InvokeFunctionUrl", ...open, FunctionUrlAuthType: "NONE" },
    conditionOf(body),
  );
  context.add(
    `${id}URLInvokeAllowPublicAccess`,
    "AWS::Lambda::Permission",
    { Action: "lambda:InvokeFunction", ...open, InvokedViaFunctionUrl: true },
    conditionOf(body),
  );
}

type Inline = InlinePolicy[];

function deadLetterOf({ id, properties }: SamResource): { readonly config?: Mapping; readonly inline: Inline } {
  const queue = properties.DeadLetterQueue;
  if (queue === undefined) return { inline: [] };
  const { Type, TargetArn } = mappingOf(queue);
  const action = Type === "SQS" ? "sqs:SendMessage" : Type === "SNS" ? "sns:Publish" : undefined;
  if (action === undefined || TargetArn === undefined) {
    throw new SamError(id, "'DeadLetterQueue' requires Type and TargetArn properties to be specified.");
  }
  const Statement = [{ Action: action, Resource: TargetArn, Effect: "Allow" }];
  const document = { Version: "2012-10-17", Statement };
  return { config: { TargetArn }, inline: [{ PolicyName: "DeadLetterQueuePolicy", PolicyDocument: document }] };
}

const destinationActions: Readonly<Record<string, string>> = {
  SQS: "sqs:SendMessage",
  SNS: "sns:publish",
  Lambda: "lambda:InvokeFunction",
  EventBridge: "events:PutEvents",
  S3Bucket: "s3:PutObject",
};

/** EventInvokeConfig, its queues and topics (made where none is named) and the rights to send there. */
function invokeConfigOf(
  context: SamContext,
  { id, body, properties }: SamResource,
  alias: string | undefined,
): { readonly inline: Inline } {
  const config = properties.EventInvokeConfig;
  if (!isMapping(config)) return { inline: [] };
  const inline: Inline = [];
  const destinations: Mapping = {};
  for (const [when, destination] of Object.entries(mappingOf(config.DestinationConfig))) {
    const { Type, Destination } = mappingOf(destination);
    const action = destinationActions[String(Type)];
    if (action === undefined)
      throw new SamError(id, `'Type: ${Type}' must be one of ${Object.keys(destinationActions)}`);
    let arn = Destination;
    if (arn === undefined) {
      if (Type !== "SQS" && Type !== "SNS") throw new SamError(id, "Destination is required if Type is not SNS or SQS");
      const made = `${id}EventInvokeConfig${when}${Type === "SQS" ? "Queue" : "Topic"}`;
      context.add(made, Type === "SQS" ? "AWS::SQS::Queue" : "AWS::SNS::Topic", {}, conditionOf(body));
      arn = Type === "SQS" ? { "Fn::GetAtt": [made, "Arn"] } : { Ref: made };
    }
    destinations[when] = { Destination: arn };
    const Statement = [{ Action: action, Effect: "Allow", Resource: arn }];
    inline.push({ PolicyName: `${id}EventInvokeConfig${when}${Type}Policy`, PolicyDocument: { Statement } });
  }
  const settings = given({
    ...picked(config, ["MaximumEventAgeInSeconds", "MaximumRetryAttempts"]),
    DestinationConfig: Object.keys(destinations).length === 0 ? undefined : destinations,
    FunctionName: { Ref: id },
    Qualifier: alias === undefined ? "$LATEST" : context.plain(properties.AutoPublishAlias),
  });
  const after = alias === undefined ? {} : { DependsOn: [alias] };
  context.add(`${id}EventInvokeConfig`, "AWS::Lambda::EventInvokeConfig", settings, { ...after, ...conditionOf(body) });
  return { inline };
}
