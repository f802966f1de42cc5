import { isMapping, type Mapping } from "../../templates/index.ts";
import { bodyOf, input, standing } from "./api-documents.ts";
import {
  type Changing,
  type Existing,
  encoded,
  gone,
  type Handler,
  type Handlers,
  type Made,
  tagsOf,
  text,
  type Work,
  without,
} from "./handler.ts";

/** A resource of HTTP and WebSocket APIs: one path to all of its kind, one to each. */
function v2(options: {
  /** below the API */
  readonly collection: string;
  readonly id: string;
  readonly replaces: readonly string[];
  /** members that creation or update take of neither kind */
  readonly apart?: readonly string[];
  made?(work: Work, id: string, answer: Mapping): Made;
}): Handler {
  const { collection, id: idName, apart = [] } = options;
  const all = ({ properties }: Work): string => `/v2/apis/${encoded(text(properties.ApiId))}/${collection}`;
  const made = (work: Work, id: string, answer: Mapping): Made =>
    options.made?.(work, id, answer) ?? {
      physicalId: id,
      attributes: { [`${idName.charAt(0).toUpperCase()}${idName.slice(1)}`]: id },
    };
  const idOf = ({ physicalId }: Existing): string => physicalId.split("|").at(-1)!;
  return {
    replaces: ["ApiId", ...options.replaces],
    async create(work) {
      const tags = "Tags" in work.properties ? { tags: tagsOf(work) } : {};
      const answer = await work.calls.rest("apigateway", "POST", all(work), {
        ...input(work.properties, "ApiId", "Tags", ...apart),
        ...tags,
      });
      return made(work, text(answer[idName]), answer);
    },
    async update(work) {
      const had = input(work.before, "ApiId", "Tags", ...apart);
      const wished = input(work.properties, "ApiId", "Tags", ...apart);
      const reset = Object.fromEntries(
        gone(had, wished).map((name) => [name, typeof had[name] === "string" ? "" : emptyOf(had[name])]),
      );
      const answer = await work.calls.rest("apigateway", "PATCH", `${all(work)}/${encoded(idOf(work))}`, {
        ...reset,
        ...wished,
      });
      return made(work, idOf(work), answer);
    },
    async delete(work) {
      await work.calls.rest("apigateway", "DELETE", `${all(work)}/${encoded(idOf(work))}`);
    },
  };
}

const emptyOf = (value: unknown): unknown => (Array.isArray(value) ? [] : isMapping(value) ? {} : undefined);

const apiMade = (answer: Mapping): Made => ({
  physicalId: text(answer.apiId),
  attributes: { ApiId: answer.apiId, ApiEndpoint: answer.apiEndpoint },
});
const apiApart = ["Body", "BodyS3Location", "BasePath", "FailOnWarnings", "Tags", "Version"];

const api: Handler = {
  replaces: ["ProtocolType"],
  async create(work) {
    const { calls, properties } = work;
    const body = await bodyOf(work);
    const tags = tagsOf(work);
    if (body === undefined)
      return apiMade(await calls.rest("apigateway", "POST", "/v2/apis", { ...input(properties, ...apiApart), tags }));
    const answer = await calls.rest("apigateway", "PUT", `/v2/apis${failing(properties)}`, { body });
    work.exists(apiMade(answer));
    const more = input(properties, ...apiApart, "ProtocolType");
    if (Object.keys(more).length > 0) await calls.rest("apigateway", "PATCH", `/v2/apis/${text(answer.apiId)}`, more);
    if (Object.keys(tags).length > 0) {
      const arn = `arn:aws:apigateway:${work.stack.region}::/apis/${text(answer.apiId)}`;
      await calls.rest("apigateway", "POST", `/v2/tags/${encoded(arn)}`, { tags });
    }
    return apiMade(answer);
  },
  async update(work: Changing) {
    const { calls, properties, physicalId } = work;
    const body = await bodyOf(work);
    const path = `/v2/apis/${encoded(physicalId)}`;
    if (body !== undefined) await calls.rest("apigateway", "PUT", `${path}${failing(properties)}`, { body });
    const more = input(properties, ...apiApart, "ProtocolType", "RouteKey", "Target", "CredentialsArn");
    if ("CorsConfiguration" in work.before && !("CorsConfiguration" in properties) && body === undefined) {
      await calls.rest("apigateway", "DELETE", `${path}/cors`);
    }
    return apiMade(
      Object.keys(more).length > 0
        ? await calls.rest("apigateway", "PATCH", path, more)
        : await calls.rest("apigateway", "GET", path),
    );
  },
  async delete({ calls, physicalId }) {
    await calls.rest("apigateway", "DELETE", `/v2/apis/${encoded(physicalId)}`);
  },
};

const failing = ({ FailOnWarnings }: Mapping): string => (FailOnWarnings === true ? "?failOnWarnings=true" : "");

const apiMapping: Handler = {
  replaces: ["DomainName"],
  async create({ calls, properties }) {
    const path = `/v2/domainnames/${encoded(text(properties.DomainName))}/apimappings`;
    const { apiMappingId } = await calls.rest("apigateway", "POST", path, input(properties, "DomainName"));
    return { physicalId: text(apiMappingId), attributes: { ApiMappingId: apiMappingId } };
  },
  async update({ calls, properties, physicalId }) {
    const path = `/v2/domainnames/${encoded(text(properties.DomainName))}/apimappings/${encoded(physicalId)}`;
    await calls.rest("apigateway", "PATCH", path, input(properties, "DomainName"));
    return {};
  },
  async delete({ calls, properties, physicalId }) {
    const path = `/v2/domainnames/${encoded(text(properties.DomainName))}/apimappings/${encoded(physicalId)}`;
    await calls.rest("apigateway", "DELETE", path);
  },
};

const regionalDomain = (answer: Mapping): Mapping => {
  const [first] = Array.isArray(answer.domainNameConfigurations) ? answer.domainNameConfigurations : [];
  const { apiGatewayDomainName, hostedZoneId } = isMapping(first) ? first : {};
  return without({ RegionalDomainName: apiGatewayDomainName, RegionalHostedZoneId: hostedZoneId });
};

/** HTTP and WebSocket APIs. */
export const httpApiHandlers: Handlers = {
  "AWS::ApiGatewayV2::Api": api,
  "AWS::ApiGatewayV2::Route": v2({ collection: "routes", id: "routeId", replaces: [] }),
  "AWS::ApiGatewayV2::Integration": v2({ collection: "integrations", id: "integrationId", replaces: [] }),
  "AWS::ApiGatewayV2::Authorizer": v2({ collection: "authorizers", id: "authorizerId", replaces: [] }),
  "AWS::ApiGatewayV2::Model": v2({ collection: "models", id: "modelId", replaces: [] }),
  "AWS::ApiGatewayV2::Deployment": v2({ collection: "deployments", id: "deploymentId", replaces: ["StageName"] }),
  "AWS::ApiGatewayV2::Stage": v2({
    collection: "stages",
    id: "stageName",
    replaces: ["StageName"],
    apart: ["AccessPolicyId"],
    made: (_work, id) => ({ physicalId: id }),
  }),
  "AWS::ApiGatewayV2::DomainName": standing("/v2/domainnames", "DomainName", [], regionalDomain),
  "AWS::ApiGatewayV2::ApiMapping": apiMapping,
};
