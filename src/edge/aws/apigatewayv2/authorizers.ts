import type { ApiRecord, Authorizer } from "../../api-gateway/records.ts";
import { bad, conflict, newId } from "./context.ts";
import { inDefinition, operationsOf } from "./tables.ts";

export const authorizerOperations = operationsOf<Authorizer>({
  name: "Authorizer",
  id: "authorizerId",
  ...inDefinition("authorizers"),
  make: newAuthorizer,
  check: checkAuthorizer,
  release(record, id) {
    if (Object.values(record.live.routes).some(({ authorizerId }) => authorizerId === id)) {
      throw conflict(`Cannot delete authorizer '${id}', is referenced by routes of this API`);
    }
    return record;
  },
});

/** Throws BadRequestException. */
export function newAuthorizer(record: ApiRecord, input: Partial<Omit<Authorizer, "authorizerId">>): Authorizer {
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
