import type { Registry, Scope } from "../../../registry/index.ts";
import type {
  ApiKeyRecord,
  RestApiRecord,
  RestDefinition,
  RestDeploymentRecord,
  RestStage,
  UsagePlanRecord,
} from "./records.ts";

/** REST APIs, API keys and usage plans, as the control plane writes and the data plane reads them. */
export interface RestApis {
  /** by its id alone, which no two APIs share */
  find(apiId: string): RestApiRecord | undefined;
  get(scope: Scope, apiId: string): RestApiRecord | undefined;
  put(record: RestApiRecord): void;
  remove(record: RestApiRecord): void;
  list(scope: Scope): readonly RestApiRecord[];
  /** what a stage serves: the copy that its deployment made */
  serving(record: RestApiRecord, stage: RestStage): RestDefinition | undefined;
  deploy(record: RestApiRecord, deploymentId: string, definition: RestDefinition): void;
  undeploy(record: RestApiRecord, deploymentId: string): void;
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

export function createRestApis({ named }: Pick<Registry, "named">): RestApis {
  const records = named<RestApiRecord>("apigateway-restapi");
  const deployments = named<RestDeploymentRecord>("apigateway-deployment");
  const byId = new Map([...records.everything()].map((record) => [record.api.id, record]));
  const keys = kept<ApiKeyRecord>("apigateway-key");
  const plans = kept<UsagePlanRecord>("apigateway-usageplan");
  const deploymentName = ({ name }: RestApiRecord, id: string) => `${name}/${id}`;

  function kept<T extends ApiKeyRecord | UsagePlanRecord>(kind: string): Kept<T> {
    const all = named<T>(kind);
    return {
      get: ({ account, region }, id) => all.get(account, regional(region, id)),
      put: (record) => all.put(record),
      remove: ({ account, name }) => all.remove(account, name),
      list: ({ account, region }) => all.list(account).filter((record) => record.region === region),
    };
  }

  return {
    find: (apiId) => byId.get(apiId),
    get(scope, apiId) {
      const found = byId.get(apiId);
      return found?.account === scope.account && found.region === scope.region ? found : undefined;
    },
    put(record) {
      records.put(record);
      byId.set(record.api.id, record);
    },
    remove(record) {
      for (const id of Object.keys(record.deployments)) deployments.remove(record.account, deploymentName(record, id));
      records.remove(record.account, record.name);
      byId.delete(record.api.id);
    },
    list: ({ account, region }) => records.list(account).filter((record) => record.region === region),
    serving: (record, { deploymentId }) =>
      deployments.get(record.account, deploymentName(record, deploymentId))?.definition,
    deploy(record, id, definition) {
      deployments.put({ account: record.account, name: deploymentName(record, id), definition });
    },
    undeploy: (record, id) => deployments.remove(record.account, deploymentName(record, id)),
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
