import { PolicyError, parsePolicy } from "../../../policy/index.ts";
import type { Scope } from "../../../registry/index.ts";
import { regional } from "../../api-gateway/rest/apis.ts";
import { withArns } from "../../api-gateway/rest/policy.ts";
import type { RestApiRecord, RestSettings } from "../../api-gateway/rest/records.ts";
import {
  apiOf,
  bad,
  type InApi,
  newId,
  type Paged,
  type Patches,
  page,
  type RestCall,
  type RestContext,
  seconds,
} from "./context.ts";
import { patched } from "./patch.ts";

type Settings = Partial<Omit<RestSettings, "id" | "createdDate" | "rootResourceId">> & { readonly name: string };

export function createRestApi(
  context: RestContext,
  { input, scope }: RestCall<Settings & { readonly cloneFrom?: string }>,
) {
  const { cloneFrom, ...settings } = input;
  const source = cloneFrom === undefined ? undefined : apiOf(context, scope, { restApiId: cloneFrom });
  const made = newApi(context, scope, settings);
  const record =
    source === undefined
      ? made
      : { ...made, live: source.live, api: { ...made.api, rootResourceId: source.api.rootResourceId } };
  context.rest.put(record);
  return apiView(record);
}

/** An API with nothing but its root; not yet kept. Throws BadRequestException. */
export function newApi(context: RestContext, scope: Scope, settings: Settings): RestApiRecord {
  const id = newId(10);
  const rootResourceId = newId(10);
  const api: RestSettings = {
    ...settings,
    id,
    rootResourceId,
    createdDate: seconds(context),
    apiKeySource: settings.apiKeySource ?? "HEADER",
    disableExecuteApiEndpoint: settings.disableExecuteApiEndpoint ?? false,
    endpointConfiguration: { types: ["EDGE"], ipAddressType: "ipv4", ...settings.endpointConfiguration },
  };
  checkSettings(api);
  return {
    account: scope.account,
    region: scope.region,
    name: regional(scope.region, id),
    api,
    live: {
      resources: { [rootResourceId]: { id: rootResourceId, path: "/" } },
      authorizers: {},
      models: {},
      validators: {},
      gatewayResponses: {},
    },
    stages: {},
    deployments: {},
  };
}

/** Throws BadRequestException. */
export function checkSettings({ name, policy, minimumCompressionSize: size }: RestSettings): void {
  if (name.trim() === "") throw bad("API name cannot be empty");
  if (size !== undefined && (size < 0 || size > 10_485_760)) {
    throw bad("Invalid minimum compression size, must be between 0 and 10485760");
  }
  if (policy === undefined || policy === "") return;
  try {
    parsePolicy(withArns(policy, "arn:aws:execute-api:*:*:*/"), "resource");
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw bad(
      `Invalid policy document. Please check the policy syntax and ensure that Principals are valid. ${error.message}`,
    );
  }
}

export function getRestApi(context: RestContext, { input, scope }: RestCall<InApi>) {
  return apiView(apiOf(context, scope, input));
}

export function getRestApis(context: RestContext, { input, scope }: RestCall<Paged>) {
  return page(context.rest.list(scope).map(apiView), input);
}

export function updateRestApi(context: RestContext, { input, scope }: RestCall<InApi & Patches>) {
  const record = apiOf(context, scope, input);
  const fixed = ["id", "createdDate", "rootResourceId", "warnings", "apiStatus", "tags"];
  const api = patched("RestApi", record.api, input, fixed);
  const settings = { ...api, name: api.name ?? "", apiKeySource: api.apiKeySource ?? "HEADER" } as const;
  checkSettings(settings);
  const changed = { ...record, api: settings };
  context.rest.put(changed);
  return apiView(changed);
}

export function deleteRestApi(context: RestContext, { input, scope }: RestCall<InApi>): undefined {
  const record = apiOf(context, scope, input);
  context.rest.remove(record);
  for (const stage of Object.keys(record.stages)) context.forgetAuthorizations(record.api.id, stage);
  return undefined;
}

/** Its policy is answered with its quotes escaped, which Terraform's provider counts on. */
export function apiView({ api }: RestApiRecord) {
  const { policy, ...shown } = api;
  const escaped = policy === undefined || policy === "" ? {} : { policy: JSON.stringify(policy).slice(1, -1) };
  return { ...shown, ...escaped, tags: api.tags ?? {}, apiStatus: "AVAILABLE" };
}
