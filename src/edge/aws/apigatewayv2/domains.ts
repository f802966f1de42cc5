import type { Scope } from "../../../registry/index.ts";
import type { ApiMapping, DomainRecord, Tags } from "../../api-gateway/records.ts";
import {
  apiOf,
  bad,
  conflict,
  type GatewayCall,
  type GatewayContext,
  newId,
  oneOf,
  type Paged,
  page,
  refusal,
  without,
} from "./context.ts";

type InDomain = { readonly domainName: string };
type Settings = { readonly domainNameConfigurations?: readonly object[]; readonly routingMode?: string };
type InMapping = InDomain & { readonly apiMappingId: string };
type MappingInput = { readonly apiId: string; readonly stage?: string; readonly apiMappingKey?: string };

export function createDomainName(
  context: GatewayContext,
  { input, scope }: GatewayCall<InDomain & Settings & { readonly tags?: Tags }>,
) {
  const name = input.domainName.toLowerCase();
  if (!/^(\*\.)?([a-z0-9-]{1,63}\.)+[a-z0-9-]{1,63}$/.test(name)) throw bad("Invalid domain name identifier specified");
  if (context.apis.domain(name) !== undefined) {
    throw conflict("The domain name you provided already exists.");
  }
  const record: DomainRecord = {
    ...scope,
    name,
    domain: { ...settingsOf(input, name, scope), domainName: name },
    tags: input.tags ?? {},
    mappings: {},
  };
  context.apis.putDomain(record);
  return domainView(record);
}

export function getDomainName(context: GatewayContext, { input, scope }: GatewayCall<InDomain>) {
  return domainView(domainOf(context, scope, input));
}

export function getDomainNames(context: GatewayContext, { input, scope }: GatewayCall<Paged>) {
  return page(context.apis.listDomains(scope).map(domainView), input);
}

export function updateDomainName(context: GatewayContext, { input, scope }: GatewayCall<InDomain & Settings>) {
  const record = domainOf(context, scope, input);
  const changed = { ...record, domain: { ...record.domain, ...settingsOf(input, record.name, scope) } };
  context.apis.putDomain(changed);
  return domainView(changed);
}

export function deleteDomainName(context: GatewayContext, { input, scope }: GatewayCall<InDomain>): undefined {
  context.apis.removeDomain(domainOf(context, scope, input));
  return undefined;
}

export function createApiMapping(context: GatewayContext, { input, scope }: GatewayCall<InDomain & MappingInput>) {
  const record = domainOf(context, scope, input);
  const mapping: ApiMapping = {
    apiMappingId: newId(6),
    apiId: input.apiId,
    stage: input.stage ?? "",
    apiMappingKey: input.apiMappingKey ?? "",
  };
  return putMapping(context, scope, record, mapping);
}

export function getApiMapping(context: GatewayContext, { input, scope }: GatewayCall<InMapping>) {
  return oneOf(domainOf(context, scope, input).mappings, input.apiMappingId, "ApiMapping");
}

export function getApiMappings(context: GatewayContext, { input, scope }: GatewayCall<InDomain & Paged>) {
  return page(Object.values(domainOf(context, scope, input).mappings), input);
}

export function updateApiMapping(context: GatewayContext, { input, scope }: GatewayCall<InMapping & MappingInput>) {
  const record = domainOf(context, scope, input);
  const old = oneOf(record.mappings, input.apiMappingId, "ApiMapping");
  const { apiId, stage = old.stage, apiMappingKey = old.apiMappingKey } = input;
  return putMapping(context, scope, record, { ...old, apiId, stage, apiMappingKey });
}

export function deleteApiMapping(context: GatewayContext, { input, scope }: GatewayCall<InMapping>): undefined {
  const record = domainOf(context, scope, input);
  oneOf(record.mappings, input.apiMappingId, "ApiMapping");
  context.apis.putDomain({ ...record, mappings: without(record.mappings, input.apiMappingId) });
  return undefined;
}

function putMapping(context: GatewayContext, scope: Scope, record: DomainRecord, mapping: ApiMapping) {
  const { stages } = apiOf(context, scope, mapping.apiId);
  oneOf(stages, mapping.stage, "stage");
  if (!/^([\w.~-]+(\/[\w.~-]+)*)?$/.test(mapping.apiMappingKey)) throw bad("Invalid API mapping key");
  const others = Object.values(record.mappings).filter(({ apiMappingId }) => apiMappingId !== mapping.apiMappingId);
  if (others.some(({ apiMappingKey }) => apiMappingKey === mapping.apiMappingKey)) {
    throw conflict("ApiMapping key already exists for this domain name");
  }
  context.apis.putDomain({ ...record, mappings: { ...record.mappings, [mapping.apiMappingId]: mapping } });
  return mapping;
}

/** Throws NotFoundException. */
export function domainOf({ apis }: GatewayContext, scope: Scope, { domainName }: InDomain): DomainRecord {
  const record = apis.domain(domainName.toLowerCase());
  if (record?.account === scope.account && record.region === scope.region) return record;
  throw refusal("NotFoundException", "Invalid domain name identifier specified");
}

/** Every domain is there at once, and leads to whatever name of this machine the client knows. */
function settingsOf({ domainNameConfigurations, routingMode }: Settings, name: string, { region }: Scope) {
  const label = `d-${Buffer.from(name).toString("hex").slice(0, 10)}`;
  return {
    ...(routingMode === undefined ? {} : { routingMode }),
    ...(domainNameConfigurations === undefined
      ? {}
      : {
          domainNameConfigurations: domainNameConfigurations.map((configuration) => ({
            endpointType: "REGIONAL",
            securityPolicy: "TLS_1_2",
            ...configuration,
            apiGatewayDomainName: `${label}.execute-api.${region}.localhost`,
            hostedZoneId: "Z0000000000000",
            domainNameStatus: "AVAILABLE",
          })),
        }),
  };
}

const domainView = ({ domain, tags, region, name }: DomainRecord) => ({
  apiMappingSelectionExpression: "$request.basepath",
  ...domain,
  domainNameArn: `arn:aws:apigateway:${region}::/domainnames/${name}`,
  tags,
});
