import type { ApiRecord, Authorizer } from "../../api-gateway/records.ts";
import {
  apiOf,
  bad,
  changeLive,
  conflict,
  type GatewayCall,
  type GatewayContext,
  given,
  type InApi,
  newId,
  oneOf,
  type Paged,
  page,
  without,
} from "./context.ts";

type AuthorizerInput = Partial<Omit<Authorizer, "authorizerId">>;
type InAuthorizer = InApi & { readonly authorizerId: string };

export function createAuthorizer(context: GatewayContext, { input, scope }: GatewayCall<InApi & AuthorizerInput>) {
  const record = apiOf(context, scope, input.apiId);
  const authorizer = newAuthorizer(record, given(input, "apiId"));
  putAuthorizer(context, record, authorizer);
  return authorizer;
}

/** Throws BadRequestException. */
export function newAuthorizer(record: ApiRecord, input: AuthorizerInput): Authorizer {
  const { authorizerType = "REQUEST", identitySource = [] } = input;
  const isHttpFunction = authorizerType === "REQUEST" && record.api.protocolType === "HTTP";
  const authorizer: Authorizer = {
    ...(isHttpFunction ? { authorizerResultTtlInSeconds: identitySource.length > 0 ? 300 : 0 } : {}),
    ...input,
    authorizerId: newId(6),
    name: input.name ?? "",
    authorizerType,
    identitySource,
  };
  checkAuthorizer(record, authorizer);
  return authorizer;
}

export function getAuthorizer(context: GatewayContext, { input, scope }: GatewayCall<InAuthorizer>) {
  return oneOf(apiOf(context, scope, input.apiId).live.authorizers, input.authorizerId, "Authorizer");
}

export function getAuthorizers(context: GatewayContext, { input, scope }: GatewayCall<InApi & Paged>) {
  return page(Object.values(apiOf(context, scope, input.apiId).live.authorizers), input);
}

export function updateAuthorizer(
  context: GatewayContext,
  { input, scope }: GatewayCall<InAuthorizer & AuthorizerInput>,
) {
  const record = apiOf(context, scope, input.apiId);
  const old = oneOf(record.live.authorizers, input.authorizerId, "Authorizer");
  const changed: Authorizer = { ...old, ...given(input, "apiId", "authorizerId") };
  checkAuthorizer(record, changed);
  putAuthorizer(context, record, changed);
  return changed;
}

export function deleteAuthorizer(context: GatewayContext, { input, scope }: GatewayCall<InAuthorizer>): undefined {
  const record = apiOf(context, scope, input.apiId);
  oneOf(record.live.authorizers, input.authorizerId, "Authorizer");
  if (Object.values(record.live.routes).some(({ authorizerId }) => authorizerId === input.authorizerId)) {
    throw conflict(`Cannot delete authorizer '${input.authorizerId}', is referenced by routes of this API`);
  }
  changeLive(context, record, { ...record.live, authorizers: without(record.live.authorizers, input.authorizerId) });
  return undefined;
}

function putAuthorizer(context: GatewayContext, record: ApiRecord, authorizer: Authorizer): void {
  const { authorizers } = record.live;
  changeLive(context, record, {
    ...record.live,
    authorizers: { ...authorizers, [authorizer.authorizerId]: authorizer },
  });
}

const source = /^(\$request\.(header|querystring)\.[^\s]+|\$context\.[\w.]+|\$stageVariables\.\w+)$/;
const webSocketSource = /^(route\.request\.(header|querystring)\.[^\s]+|context\.[\w.]+|stageVariables\.\w+)$/;

function checkAuthorizer({ api, live }: ApiRecord, authorizer: Authorizer): void {
  const { authorizerId, name, authorizerType, identitySource, jwtConfiguration, authorizerUri } = authorizer;
  if (Object.values(live.authorizers).some((other) => other.name === name && other.authorizerId !== authorizerId)) {
    throw conflict(`An authorizer with the name ${name} exists already`);
  }
  const form = api.protocolType === "HTTP" ? source : webSocketSource;
  const wrong = identitySource.find((one) => !form.test(one));
  if (wrong !== undefined) throw bad(`Identity source expression ${wrong} is not valid`);
  if (authorizerType === "JWT") {
    if (api.protocolType !== "HTTP") throw bad("JWT authorizers are supported only for HTTP APIs");
    const isUrl = /^https?:$/.test(URL.parse(jwtConfiguration?.issuer ?? "")?.protocol ?? "");
    if (!isUrl) throw bad("Issuer is required, and must be a URL, for JWT authorizers");
    if ((jwtConfiguration?.audience ?? []).length === 0) throw bad("Audience is required for JWT authorizers");
    if (identitySource.length !== 1) throw bad("JWT authorizers must have one identity source");
    return;
  }
  if (authorizerUri === undefined) throw bad("Authorizer URI is required for REQUEST authorizers");
  if (!/^arn:aws[a-z-]*:(apigateway|lambda):/.test(authorizerUri))
    throw bad(`Invalid authorizer URI: ${authorizerUri}`);
  const { authorizerPayloadFormatVersion: version, authorizerResultTtlInSeconds: seconds = 0 } = authorizer;
  if (api.protocolType !== "HTTP") return;
  if (version !== "1.0" && version !== "2.0") {
    throw bad("AuthorizerPayloadFormatVersion is a required parameter for REQUEST authorizer");
  }
  if (authorizer.enableSimpleResponses === true && version === "1.0") {
    throw bad("Simple responses are supported only for the payload format version 2.0");
  }
  if (seconds > 0 && identitySource.length === 0) throw bad("Caching needs at least one identity source");
}
