import type { ApiRecord, Route } from "../../api-gateway/records.ts";
import {
  apiOf,
  bad,
  changeLive,
  conflict,
  type GatewayCall,
  type GatewayContext,
  type InApi,
  newId,
  oneOf,
  without,
} from "./context.ts";
import { inDefinition, operationsOf } from "./tables.ts";

export const routeOperations = operationsOf<Route>({
  name: "Route",
  id: "routeId",
  ...inDefinition("routes"),
  make: newRoute,
  check: checkRoute,
  // An authorizer that no longer decides is not named any more.
  settled: ({ authorizerId, ...route }) =>
    authorizerId === undefined || /^(NONE|AWS_IAM)$/.test(route.authorizationType) ? route : { ...route, authorizerId },
  release: (record, id) => ({ ...record, responses: without(record.responses, id) }),
});

/** Throws BadRequestException, and ConflictException when the API has a route of this key. */
export function newRoute(record: ApiRecord, input: Partial<Omit<Route, "routeId">>): Route {
  const route: Route = {
    ...input,
    routeId: newId(7),
    routeKey: input.routeKey ?? "",
    authorizationType: input.authorizationType ?? "NONE",
    apiKeyRequired: input.apiKeyRequired ?? false,
  };
  checkRoute(record, route);
  return route;
}

export function deleteRouteRequestParameter(
  context: GatewayContext,
  { input, scope }: GatewayCall<InApi & { readonly routeId: string; readonly requestParameterKey: string }>,
): undefined {
  const record = apiOf(context, scope, input.apiId);
  const route = oneOf(record.live.routes, input.routeId, "Route");
  oneOf(route.requestParameters ?? {}, input.requestParameterKey, "request parameter");
  const requestParameters = without(route.requestParameters ?? {}, input.requestParameterKey);
  const routes = { ...record.live.routes, [route.routeId]: { ...route, requestParameters } };
  changeLive(context, record, { ...record.live, routes });
  return undefined;
}

const methods = /^(ANY|GET|HEAD|OPTIONS|PATCH|POST|PUT|DELETE)$/;

function checkRoute({ api, live }: ApiRecord, route: Route): void {
  const { routeKey, target, authorizerId, authorizationType } = route;
  if (api.protocolType === "HTTP") checkHttpKey(routeKey);
  else if (routeKey === "") throw bad("Route key must not be empty");
  if (Object.values(live.routes).some((other) => other.routeKey === routeKey && other.routeId !== route.routeId)) {
    throw conflict(`Route with key ${routeKey} already exists for this API`);
  }
  if (target !== undefined) {
    const [, id = ""] = /^integrations\/(.+)$/.exec(target) ?? [];
    if (!Object.hasOwn(live.integrations, id)) {
      throw bad(`Invalid route target specified: ${target} is no integration of this API`);
    }
  }
  if (authorizationType === "JWT" && api.protocolType !== "HTTP") {
    throw bad("The authorization type JWT is supported only for HTTP APIs");
  }
  if (authorizationType !== "JWT" && authorizationType !== "CUSTOM") return;
  const authorizer = Object.hasOwn(live.authorizers, authorizerId ?? "")
    ? live.authorizers[authorizerId ?? ""]
    : undefined;
  if (authorizer === undefined) throw bad("The authorizer identifier is not one of this API's authorizers");
  if ((authorizer.authorizerType === "JWT") !== (authorizationType === "JWT")) {
    throw bad(
      `The authorization type ${authorizationType} does not fit an authorizer of type ${authorizer.authorizerType}`,
    );
  }
}

function checkHttpKey(routeKey: string): void {
  if (routeKey === "$default") return;
  const [method = "", path = "", ...rest] = routeKey.split(" ");
  if (!methods.test(method) || !path.startsWith("/") || rest.length > 0) {
    throw bad(
      'The provided route key is not formatted properly for HTTP protocol. Format should be "<HTTP METHOD> /<RESOURCE PATH>" or "$default"',
    );
  }
  const segments = path.split("/").slice(1);
  const names = segments.flatMap((segment) => /^\{([^{}+]+)\+?\}$/.exec(segment)?.[1] ?? []);
  const malformed = segments.some((segment) => /[{}]/.test(segment) && !/^\{[^{}+]+\+?\}$/.test(segment));
  const greedyInside = segments.slice(0, -1).some((segment) => segment.endsWith("+}"));
  if (malformed || greedyInside || new Set(names).size !== names.length) {
    throw bad(
      `The provided route key ${routeKey} has a malformed path: a variable is a whole segment with a name of its own, and a greedy one the last`,
    );
  }
}
