import type { Registry, Scope } from "../../registry/index.ts";
import type { BalancerRecord, TargetGroupRecord } from "./records.ts";

/** Load balancers and target groups, as the control plane writes and the data plane reads them. */
export interface Balancers {
  /** by its host's first label */
  byHost(host: string): BalancerRecord | undefined;
  get(scope: Scope, arn: string): BalancerRecord | undefined;
  put(record: BalancerRecord): void;
  remove(record: BalancerRecord): void;
  list(scope: Scope): readonly BalancerRecord[];
  readonly groups: {
    get(account: string, arn: string): TargetGroupRecord | undefined;
    put(record: TargetGroupRecord): void;
    remove(record: TargetGroupRecord): void;
    list(scope: Scope): readonly TargetGroupRecord[];
    everything(): Iterable<TargetGroupRecord>;
  };
}

export function createBalancers({ named }: Pick<Registry, "named">): Balancers {
  const balancers = named<BalancerRecord>("elb-balancer");
  const groups = named<TargetGroupRecord>("elb-targetgroup");
  const hosts = new Map([...balancers.everything()].map((record) => [record.host, record]));
  const ofRegion = <T extends Scope>(all: readonly T[], { region }: Scope) =>
    all.filter((one) => one.region === region);
  return {
    byHost: (host) => hosts.get(host),
    get: ({ account }, arn) => balancers.get(account, arn),
    put(record) {
      balancers.put(record);
      hosts.set(record.host, record);
    },
    remove(record) {
      balancers.remove(record.account, record.name);
      hosts.delete(record.host);
    },
    list: (scope) => ofRegion(balancers.list(scope.account), scope),
    groups: {
      get: (account, arn) => groups.get(account, arn),
      put: (record) => groups.put(record),
      remove: ({ account, name }) => groups.remove(account, name),
      list: (scope) => ofRegion(groups.list(scope.account), scope),
      everything: () => groups.everything(),
    },
  };
}
