import type { NamedDocument, Registry, Scope } from "../../registry/index.ts";

/** An API with what it does now, and its deployments by their ids. */
interface DeployedApi extends NamedDocument, Scope {
  readonly deployments: Readonly<Record<string, unknown>>;
}

/** The copy that a deployment made. */
interface Copy<Definition> extends NamedDocument {
  /** the API's name, `/` and the deployment's id */
  readonly name: string;
  readonly definition: Definition;
}

/** APIs of one kind and the copies of them that stages serve. */
export interface DeployedApis<Record extends DeployedApi, Definition> {
  /** by its id alone, which no two APIs share */
  find(apiId: string): Record | undefined;
  get(scope: Scope, apiId: string): Record | undefined;
  put(record: Record): void;
  remove(record: Record): void;
  list(scope: Scope): readonly Record[];
  /** undefined: there is no such deployment */
  deployed(record: Record, deploymentId: string): Definition | undefined;
  deploy(record: Record, deploymentId: string, definition: Definition): void;
  undeploy(record: Record, deploymentId: string): void;
}

/** Kept in the registry under two names; read from memory. */
export function createDeployedApis<Record extends DeployedApi, Definition>(
  { named }: Pick<Registry, "named">,
  kinds: { readonly api: string; readonly deployment: string },
  idOf: (record: Record) => string,
): DeployedApis<Record, Definition> {
  const records = named<Record>(kinds.api);
  const copies = named<Copy<Definition>>(kinds.deployment);
  const byId = new Map([...records.everything()].map((record) => [idOf(record), record]));
  const copyName = ({ name }: Record, deploymentId: string) => `${name}/${deploymentId}`;

  return {
    find: (apiId) => byId.get(apiId),
    get(scope, apiId) {
      const found = byId.get(apiId);
      return found?.account === scope.account && found.region === scope.region ? found : undefined;
    },
    put(record) {
      records.put(record);
      byId.set(idOf(record), record);
    },
    remove(record) {
      for (const id of Object.keys(record.deployments)) copies.remove(record.account, copyName(record, id));
      records.remove(record.account, record.name);
      byId.delete(idOf(record));
    },
    list: (scope) => ofRegion(records.list(scope.account), scope),
    deployed: (record, id) => copies.get(record.account, copyName(record, id))?.definition,
    deploy(record, id, definition) {
      copies.put({ account: record.account, name: copyName(record, id), definition });
    },
    undeploy: (record, id) => copies.remove(record.account, copyName(record, id)),
  };
}

export const ofRegion = <T extends Scope>(all: readonly T[], { region }: Scope): readonly T[] =>
  all.filter((one) => one.region === region);
