import type { Registry, Scope } from "../../registry/index.ts";
import type { ApiRecord, Definition, DeploymentRecord, DomainRecord, Stage } from "./records.ts";

/** HTTP and WebSocket APIs, as the control plane writes and the data plane reads them. */
export interface Apis {
  /** by its id alone, which no two APIs share */
  find(apiId: string): ApiRecord | undefined;
  get(scope: Scope, apiId: string): ApiRecord | undefined;
  put(record: ApiRecord): void;
  remove(record: ApiRecord): void;
  list(scope: Scope): readonly ApiRecord[];
  /** what a stage serves: the API as it is, or as it was deployed; undefined: nothing yet */
  serving(record: ApiRecord, stage: Stage): Definition | undefined;
  deploy(record: ApiRecord, deploymentId: string, definition: Definition): void;
  undeploy(record: ApiRecord, deploymentId: string): void;
  domain(host: string): DomainRecord | undefined;
  putDomain(record: DomainRecord): void;
  removeDomain(record: DomainRecord): void;
  listDomains(scope: Scope): readonly DomainRecord[];
}

export const apiName = (region: string, apiId: string): string => `${region}/${apiId}`;

export function createApis({ named }: Pick<Registry, "named">): Apis {
  const records = named<ApiRecord>("apigatewayv2-api");
  const deployments = named<DeploymentRecord>("apigatewayv2-deployment");
  const domains = named<DomainRecord>("apigatewayv2-domain");
  const byId = new Map([...records.everything()].map((record) => [record.api.apiId, record]));
  const byHost = new Map([...domains.everything()].map((record) => [record.name, record]));
  const deploymentName = ({ name }: ApiRecord, id: string) => `${name}/${id}`;

  return {
    find: (apiId) => byId.get(apiId),
    get(scope, apiId) {
      const found = byId.get(apiId);
      return found?.account === scope.account && found.region === scope.region ? found : undefined;
    },
    put(record) {
      records.put(record);
      byId.set(record.api.apiId, record);
    },
    remove(record) {
      for (const id of Object.keys(record.deployments)) deployments.remove(record.account, deploymentName(record, id));
      records.remove(record.account, record.name);
      byId.delete(record.api.apiId);
    },
    list: ({ account, region }) => records.list(account).filter((record) => record.region === region),
    serving(record, stage) {
      if (stage.autoDeploy === true) return record.live;
      if (stage.deploymentId === undefined) return undefined;
      return deployments.get(record.account, deploymentName(record, stage.deploymentId))?.definition;
    },
    deploy(record, id, definition) {
      deployments.put({ account: record.account, name: deploymentName(record, id), definition });
    },
    undeploy: (record, id) => deployments.remove(record.account, deploymentName(record, id)),
    domain: (host) => byHost.get(host),
    putDomain(record) {
      domains.put(record);
      byHost.set(record.name, record);
    },
    removeDomain(record) {
      domains.remove(record.account, record.name);
      byHost.delete(record.name);
    },
    listDomains: ({ account, region }) => domains.list(account).filter((record) => record.region === region),
  };
}
