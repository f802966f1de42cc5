import { isMapping, type Mapping } from "../../templates/index.ts";

/** serverless.yml as a SAM template. */
export interface ServerlessTemplate {
  readonly name: string;
  readonly template: Mapping;
  readonly warnings: readonly string[];
}

interface Context {
  readonly stage: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Translates what `thaw dev` runs: functions with runtime, handler, memory, timeout, environment, url, and events httpApi, http,
 * schedule, sqs, stream, sns, eventBridge; `resources.Resources` go along. What else there is is named in a warning.
 * Source: Serverless Framework's "Serverless.yml Reference" (version 3).
 */
export function serverlessTemplate(given: Mapping, context: Context): ServerlessTemplate {
  const warnings: string[] = [];
  const root = resolved(given, given, context, warnings) as Mapping;
  const provider = isMapping(root.provider) ? root.provider : {};
  const service = isMapping(root.service) ? String(root.service.name) : String(root.service ?? "service");
  const stage = typeof provider.stage === "string" ? provider.stage : context.stage;
  if (Array.isArray(root.plugins) && root.plugins.length > 0)
    warnings.push(`plugins are not run: ${root.plugins.join(", ")}`);

  const resources: Mapping = {};
  for (const [key, fn] of Object.entries(isMapping(root.functions) ? root.functions : {})) {
    if (!isMapping(fn)) continue;
    if (fn.handler === undefined) {
      warnings.push(`functions.${key} has no handler (an image?): left out`);
      continue;
    }
    const environment = { ...mapping(provider.environment), ...mapping(fn.environment) };
    resources[logicalId(key)] = {
      Type: "AWS::Serverless::Function",
      Properties: {
        FunctionName: fn.name ?? `${service}-${stage}-${key}`,
        CodeUri: ".",
        Handler: fn.handler,
        Runtime: fn.runtime ?? provider.runtime ?? "nodejs22.x",
        MemorySize: fn.memorySize ?? provider.memorySize ?? 1024,
        Timeout: fn.timeout ?? provider.timeout ?? 6,
        ...(Object.keys(environment).length === 0 ? {} : { Environment: { Variables: environment } }),
        ...(fn.url === undefined || fn.url === false ? {} : { FunctionUrlConfig: { AuthType: "NONE" } }),
        Events: eventsOf(key, fn.events, warnings),
      },
    };
  }
  const api = restApiOf(mapping(root.functions), `${stage}-${service}`, stage);
  const own = isMapping(root.resources) ? mapping(root.resources.Resources) : {};
  return {
    name: `${service}-${stage}`,
    template: {
      AWSTemplateFormatVersion: "2010-09-09",
      Transform: "AWS::Serverless-2016-10-31",
      Resources: { ...own, ...api, ...resources },
    },
    warnings,
  };
}

const mapping = (value: unknown): Mapping => (isMapping(value) ? value : {});

/** `send-mail` → `SendDashmailLambdaFunction`, as the framework names it for Ref and GetAtt. */
function logicalId(key: string): string {
  const named = key.replaceAll("-", "Dash").replaceAll("_", "Underscore");
  return `${named[0]!.toUpperCase()}${named.slice(1)}LambdaFunction`;
}

/** The one REST API of a service, as the framework names it. */
const restApi = "ApiGatewayRestApi";

/** `private: true` asks for a key. */
const restAuth = ({ private: closed }: Mapping): Mapping => (closed === true ? { Auth: { ApiKeyRequired: true } } : {});

/** An API for the `http` events of all functions, with a stage named after the service's. */
function restApiOf(functions: Mapping, name: string, stage: string): Mapping {
  const events = Object.values(functions).flatMap((fn) => (isMapping(fn) && Array.isArray(fn.events) ? fn.events : []));
  const http = events.flatMap((event) => (isMapping(event) && event.http !== undefined ? [mapping(event.http)] : []));
  if (http.length === 0) return {};
  // CORS is the API's in SAM and a path's in the framework: whoever allows it anywhere allows it, here, everywhere.
  const crossed = http.map(({ cors }) => cors).find((cors) => cors !== undefined && cors !== false);
  const origin = isMapping(crossed)
    ? (crossed.origin ?? (Array.isArray(crossed.origins) ? crossed.origins[0] : "*"))
    : "*";
  const Properties = {
    Name: name,
    StageName: stage,
    ...(crossed === undefined ? {} : { Cors: `'${String(origin)}'` }),
  };
  return { [restApi]: { Type: "AWS::Serverless::Api", Properties } };
}

type Event = { readonly Type: string; readonly Properties: Mapping };

function eventsOf(key: string, given: unknown, warnings: string[]): Mapping {
  const events: Mapping = {};
  for (const [index, each] of (Array.isArray(given) ? given : []).entries()) {
    const [kind, value] = isMapping(each) ? (Object.entries(each)[0] ?? ["", undefined]) : [String(each), undefined];
    const made = eventOf(kind, value);
    for (const left of ["authorizer", "async", "request", "response"].filter(
      (name) => kind === "http" && mapping(value)[name] !== undefined,
    ))
      warnings.push(`functions.${key}.events: http's ${left} is left out`);
    if (made === undefined) warnings.push(`functions.${key}.events: ${kind} is left out`);
    else events[`Event${index}`] = made;
  }
  return events;
}

function eventOf(kind: string, value: unknown): Event | undefined {
  const members = mapping(value);
  switch (kind) {
    case "httpApi":
      if (value === "*" || members.path === "*") return { Type: "HttpApi", Properties: {} };
      return { Type: "HttpApi", Properties: route(value, members) };
    case "http":
      return {
        Type: "Api",
        Properties: { ...route(value, members), RestApiId: { Ref: restApi }, ...restAuth(members) },
      };
    case "schedule":
      return {
        Type: "Schedule",
        Properties: { Schedule: String(Array.isArray(members.rate) ? members.rate[0] : (members.rate ?? value)) },
      };
    case "sqs":
      return { Type: "SQS", Properties: source(value, members, "Queue") };
    case "stream": {
      const arn = members.arn ?? value;
      const kinesis = members.type === "kinesis" || (typeof arn === "string" && arn.startsWith("arn:aws:kinesis"));
      const start = { StartingPosition: members.startingPosition ?? "TRIM_HORIZON" };
      return { Type: kinesis ? "Kinesis" : "DynamoDB", Properties: { ...source(value, members, "Stream"), ...start } };
    }
    case "sns":
      return typeof value === "string" && !value.startsWith("arn:")
        ? undefined
        : { Type: "SNS", Properties: { Topic: members.arn ?? value } };
    case "eventBridge":
      if (members.schedule !== undefined) return { Type: "Schedule", Properties: { Schedule: members.schedule } };
      return {
        Type: "EventBridgeRule",
        Properties: {
          Pattern: members.pattern,
          ...(members.eventBus === undefined ? {} : { EventBusName: members.eventBus }),
        },
      };
    default:
      return undefined;
  }
}

/** `GET /orders/{id}`, or members method and path. */
function route(value: unknown, members: Mapping): Mapping {
  const [method, path] = typeof value === "string" ? value.split(/\s+/) : [members.method, members.path];
  const text = String(path ?? "/");
  return {
    Method: String(method ?? "ANY")
      .replace("*", "ANY")
      .toUpperCase(),
    Path: text.startsWith("/") ? text : `/${text}`,
  };
}

function source(value: unknown, members: Mapping, name: string): Mapping {
  return {
    [name]: members.arn ?? value,
    ...(members.batchSize === undefined ? {} : { BatchSize: members.batchSize }),
    ...(members.functionResponseType === undefined ? {} : { FunctionResponseTypes: [members.functionResponseType] }),
  };
}

/** Fills `${self:a.b}`, `${env:X}`, `${opt:stage}`, `${sls:stage}`, `${aws:region}` and their defaults after a comma. */
function resolved(value: unknown, root: Mapping, context: Context, warnings: string[], depth = 0): unknown {
  if (depth > 20) return value;
  const again = (each: unknown): unknown => resolved(each, root, context, warnings, depth + 1);
  if (Array.isArray(value)) return value.map(again);
  if (isMapping(value)) return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, again(each)]));
  if (typeof value !== "string") return value;
  const inner = /\$\{((?:self|env|opt|sls|aws):[^${}]*)\}/.exec(value);
  if (inner === null) return value;
  const found = variable(inner[1]!, root, context);
  if (found === undefined) {
    const warning = `${inner[0]} has no value`;
    if (!warnings.includes(warning)) warnings.push(warning);
  }
  // a variable that is the whole text keeps its type: numbers, lists and mappings are allowed
  if (inner[0] === value) return found === undefined ? "" : again(found);
  return again(value.replace(inner[0], () => String(found ?? "")));
}

function variable(text: string, root: Mapping, { stage, env }: Context): unknown {
  for (const one of text.split(",").map((each) => each.trim())) {
    const literal = /^(['"])(.*)\1$/.exec(one);
    if (literal !== null) return literal[2];
    const [kind, name = ""] = one.split(/:(.*)/s);
    const known: Record<string, unknown> = { stage, region: "us-east-1", accountId: "000000000000" };
    const found = kind === "env" ? env[name] : kind === "self" ? at(root, name) : known[name];
    if (found !== undefined && found !== null) return found;
    if (kind !== "env" && kind !== "self" && kind !== "opt" && kind !== "sls" && kind !== "aws") return one;
  }
  return undefined;
}

function at(root: Mapping, path: string): unknown {
  return path.split(".").reduce<unknown>((from, key) => (isMapping(from) ? from[key] : undefined), root);
}
