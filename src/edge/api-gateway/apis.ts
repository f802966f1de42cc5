import type { Registry, Scope } from "../../registry/index.ts";
import { createDeployedApis, type DeployedApis, ofRegion } from "./deployed.ts";
import type { ApiRecord, Definition, DomainRecord, Stage } from "./records.ts";

/** HTTP and WebSocket APIs, as the control plane writes and the data plane reads them. */
export interface Apis extends Omit<DeployedApis<ApiRecord, Definition>, "deployed"> {
  /** what a stage serves: the API as it is, or as it was deployed; undefined: nothing yet */
  serving(record: ApiRecord, stage: Stage): Definition | undefined;
  domain(host: string): DomainRecord | undefined;
  putDomain(record: DomainRecord): void;
  removeDomain(record: DomainRecord): void;
  listDomains(scope: Scope): readonly DomainRecord[];
}

export const apiName = (region: string, apiId: string): string => `${region}/${apiId}`;

export function createApis(registry: Pick<Registry, "named">): Apis {
  const kinds = { api: "apigatewayv2-api", deployment: "apigatewayv2-deployment" };
  const { deployed, ...apis } = createDeployedApis<ApiRecord, Definition>(registry, kinds, ({ api }) => api.apiId);
  const domains = registry.named<DomainRecord>("apigatewayv2-domain");
  const byHost = new Map([...domains.everything()].map((record) => [record.name, record]));

  return {
    ...apis,
    serving(record, stage) {
      if (stage.autoDeploy === true) return record.live;
      return stage.deploymentId === undefined ? undefined : deployed(record, stage.deploymentId);
    },
    domain: (host) => byHost.get(host),
    putDomain(record) {
      domains.put(record);
      byHost.set(record.name, record);
    },
    removeDomain(record) {
      domains.remove(record.account, record.name);
      byHost.delete(record.name);
    },
    listDomains: (scope) => ofRegion(domains.list(scope.account), scope),
  };
}
