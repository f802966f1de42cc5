// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${Name} is CloudFormation's own syntax
import type { Mapping } from "../document.ts";
import { conditionOf, mappingOf, type Route, type SamContext, SamError } from "./context.ts";
import type { SamEvent } from "./events.ts";

/** The API that SAM makes where an event names none. */
export const implicitRest = "ServerlessRestApi";
export const implicitHttp = "ServerlessHttpApi";

const routeArn = "execute-api:${AWS::Region}:${AWS::AccountId}:${__ApiId__}/${__Stage__}";

/** A route of a REST API. Source: AWS SAM Developer Guide, EventSource, "Api". */
export function apiEvent(context: SamContext, event: SamEvent): undefined {
  const { owner, properties, target } = event;
  const { Path, Method } = properties;
  if (typeof Path !== "string" || typeof Method !== "string")
    throw missing(event, typeof Path !== "string" ? "Path" : "Method");
  const api = properties.RestApiId ?? { Ref: implicitRest };
  const stage = addRoute(context.rest, event, api, Path, Method);
  const verb = Method.toLowerCase() === "any" ? "*" : Method.toUpperCase();
  const path = Path.replace(/\{[^}]*\}/g, "*").replace(/^\//, "");
  const arn = `arn:aws:${routeArn}/${verb}/${path}`;
  const name = stage === undefined ? "" : stageName(context, stage);
  context.add(
    `${event.id}Permission${name}`,
    "AWS::Lambda::Permission",
    permission(target.ref, { "Fn::Sub": [arn, { __ApiId__: api, __Stage__: "*" }] }),
    conditionOf(owner.body),
  );
  return undefined;
}

/** A route of an HTTP API. Source: AWS SAM Developer Guide, EventSource, "HttpApi". */
export function httpEvent(context: SamContext, event: SamEvent): undefined {
  const { owner, properties, target } = event;
  const { Path, Method } = properties;
  if ((Path === undefined) !== (Method === undefined)) throw missing(event, Path === undefined ? "Path" : "Method");
  const path = Path === undefined ? "$default" : String(Path);
  const method = Method === undefined ? "any" : String(Method);
  const api = properties.ApiId ?? { Ref: implicitHttp };
  addRoute(context.http, event, api, path, method);
  const verb = method.toLowerCase() === "any" || method === "*" ? "*" : method.toUpperCase();
  const rest = path === "$default" ? "*" : `${verb}/${path.replace(/\{[^}]*\}/g, "*").replace(/^\//, "")}`;
  const arn = `arn:\${AWS::Partition}:${routeArn}/${rest}`;
  context.add(
    `${event.id}Permission`,
    "AWS::Lambda::Permission",
    permission(target.ref, { "Fn::Sub": [arn, { __ApiId__: api, __Stage__: "*" }] }),
    conditionOf(owner.body),
  );
  return undefined;
}

const permission = (FunctionName: Mapping, SourceArn: Mapping): Mapping => ({
  Action: "lambda:InvokeFunction",
  FunctionName,
  Principal: "apigateway.amazonaws.com",
  SourceArn,
});

/** Gives the API's logical id, if it is one of this template. An API of elsewhere gets no route: SAM does the same. */
function addRoute(
  apis: Map<string, Route[]>,
  { owner, id, properties, target }: SamEvent,
  api: unknown,
  path: string,
  method: string,
): string | undefined {
  const name = mappingOf(api).Ref;
  if (typeof name !== "string") return undefined;
  const route: Route = {
    functionId: owner.id,
    eventId: id,
    path,
    method: method.toLowerCase(),
    target: target.uri,
    auth: mappingOf(properties.Auth),
    settings: properties,
  };
  apis.set(name, [...(apis.get(name) ?? []), route]);
  return name;
}

/** Permissions of REST APIs carry their stage's name. */
function stageName(context: SamContext, api: string): string {
  if (api === implicitRest) return "Prod";
  const stage = context.plain(mappingOf(mappingOf(context.source[api]).Properties).StageName);
  return typeof stage === "string" ? stage : "Stage";
}

const missing = ({ owner, name }: SamEvent, property: string): SamError =>
  new SamError(owner.id, `Event with id [${name}] is invalid. Event is missing key '${property}'.`);
