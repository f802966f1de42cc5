import type { Registry, Scope } from "../../../registry/index.ts";
import { createDeployedApis, type DeployedApis, ofRegion } from "../deployed.ts";
import type { ApiKeyRecord, RestApiRecord, RestDefinition, RestStage, UsagePlanRecord } from "./records.ts";

/** REST APIs, API keys and usage plans, as the control plane writes and the data plane reads them. */
export interface RestApis extends Omit<DeployedApis<RestApiRecord, RestDefinition>, "deployed"> {
  /** what a stage serves: the copy that its deployment made */
  serving(record: RestApiRecord, stage: RestStage): RestDefinition | undefined;
  readonly keys: Kept<ApiKeyRecord>;
  readonly plans: Kept<UsagePlanRecord>;
  /** a key of the account and region by its value */
  keyOf(scope: Scope, value: string): ApiKeyRecord | undefined;
  /** the plan that gives a key a stage */
  planOf(scope: Scope, keyId: string, apiId: string, stage: string): UsagePlanRecord | undefined;
}

/** Documents of a region, by ids of their own. */
export interface Kept<T> {
  get(scope: Scope, id: string): T | undefined;
  put(record: T): void;
  remove(record: T): void;
  list(scope: Scope): readonly T[];
}

export const regional = (region: string, id: string): string => `${region}/${id}`;

export function createRestApis(registry: Pick<Registry, "named">): RestApis {
  const kinds = { api: "apigateway-restapi", deployment: "apigateway-deployment" };
  const { deployed, ...apis } = createDeployedApis<RestApiRecord, RestDefinition>(registry, kinds, ({ api }) => api.id);
  const keys = kept<ApiKeyRecord>("apigateway-key");
  const plans = kept<UsagePlanRecord>("apigateway-usageplan");

  function kept<T extends ApiKeyRecord | UsagePlanRecord>(kind: string): Kept<T> {
    const all = registry.named<T>(kind);
    return {
      get: ({ account, region }, id) => all.get(account, regional(region, id)),
      put: (record) => all.put(record),
      remove: ({ account, name }) => all.remove(account, name),
      list: (scope) => ofRegion(all.list(scope.account), scope),
    };
  }

  return {
    ...apis,
    serving: (record, { deploymentId }) => deployed(record, deploymentId),
    keys,
    plans,
    keyOf: (scope, value) => keys.list(scope).find(({ key }) => key.value === value),
    planOf: (scope, keyId, apiId, stage) =>
      plans
        .list(scope)
        .find(
          ({ plan, keys: ids }) =>
            ids.includes(keyId) && plan.apiStages?.some((one) => one.apiId === apiId && one.stage === stage),
        ),
  };
}
