import { derive } from "./derive.ts";
import { Ordered } from "./ordered.ts";
import { wantedOf } from "./provisioned.ts";
import {
  type AliasRecord,
  type FunctionRecord,
  latestPublished,
  type ProvisionedRecord,
  type Scope,
  type VersionRecord,
} from "./records.ts";
import { functionNotFound, type Route, routeOf } from "./resolve.ts";
import type { Store } from "./store.ts";

/** A function as memory holds it. */
export interface Entry {
  record: FunctionRecord;
  latest: VersionRecord;
  /** published versions by number, in order of publication */
  readonly versions: Map<string, VersionRecord>;
  readonly aliases: Map<string, AliasRecord>;
  /** provisioned concurrency, by version or alias */
  readonly provisioned: Map<string, ProvisionedRecord>;
  /** by qualifier; rebuilt with every change, so that resolving only looks up */
  routes: ReadonlyMap<string, Route>;
}

export const kinds = { function: "function", version: "version", alias: "alias", provisioned: "provisioned" } as const;

/** The route of a function that is named without a qualifier. */
export const unqualified = "";

/** Key of a function in the store, or of one of its versions, aliases or provisioned qualifiers. */
export const keyOf = (scope: Scope, name: string, part?: string): string =>
  `${scope.account}/${scope.region}/${name}${part === undefined ? "" : `/${part}`}`;

/** A function with nothing but `$LATEST`; to be routed. */
export const newEntry = (record: FunctionRecord, latest: VersionRecord): Entry => ({
  record,
  latest,
  versions: new Map(),
  aliases: new Map(),
  provisioned: new Map(),
  routes: new Map(),
});

/** Every function in memory: account, region, name. */
export interface Entries {
  route(account: string, region: string, name: string, qualifier: string): Route | undefined;
  find(scope: Scope, name: string): Entry | undefined;
  /** Throws ResourceNotFoundException. */
  get(scope: Scope, name: string): Entry;
  region(scope: Scope): Ordered<Entry>;
  everything(): Iterable<Entry>;
  /** To be called after every change of an entry. */
  reroute(entry: Entry): void;
}

export function loadEntries(store: Store, egressDefault: boolean): Entries {
  const accounts = new Map<string, Map<string, Ordered<Entry>>>();

  function region(scope: Scope): Ordered<Entry> {
    const regions = accounts.get(scope.account) ?? new Map<string, Ordered<Entry>>();
    accounts.set(scope.account, regions);
    const names = regions.get(scope.region) ?? new Ordered<Entry>();
    regions.set(scope.region, names);
    return names;
  }

  function* everything(): Iterable<Entry> {
    for (const regions of accounts.values()) for (const names of regions.values()) yield* names.values();
  }

  const find = (scope: Scope, name: string) => accounts.get(scope.account)?.get(scope.region)?.get(name);

  function get(scope: Scope, name: string): Entry {
    const entry = find(scope, name);
    if (entry === undefined) throw functionNotFound(scope, name);
    return entry;
  }

  function reroute(entry: Entry): void {
    const routes = new Map<string, Route>();
    const wanted = wantedOf(entry);
    for (const version of [entry.latest, ...entry.versions.values()]) {
      const provisioned = wanted.get(version.version) ?? 0;
      routes.set(version.version, {
        target: derive(entry.record, version, { egressDefault, provisioned }),
        shares: undefined,
      });
    }
    for (const alias of entry.aliases.values()) {
      const route = routeOf(alias, routes);
      if (route !== undefined) routes.set(alias.name, route);
    }
    routes.set(unqualified, routes.get(latestPublished) ?? routes.get("$LATEST")!);
    entry.routes = routes;
  }

  const versions = new Map(store.all<VersionRecord>(kinds.version));
  for (const [key, record] of store.all<FunctionRecord>(kinds.function)) {
    const latest = versions.get(`${key}/$LATEST`);
    if (latest === undefined) throw new Error(`the registry is damaged: ${key} has no $LATEST`);
    region(record).set(record.name, newEntry(record, latest));
  }
  const ownerOf = (key: string): Entry => {
    const [account = "", regionName = "", name = ""] = key.split("/");
    return get({ account, region: regionName }, name);
  };
  const published = [...versions].filter(([, { version }]) => version !== "$LATEST");
  const orderOf = ({ version }: VersionRecord) => (version === latestPublished ? 0 : Number(version));
  published.sort(([, one], [, other]) => orderOf(one) - orderOf(other));
  for (const [key, version] of published) ownerOf(key).versions.set(version.version, version);
  for (const [key, alias] of store.all<AliasRecord>(kinds.alias)) ownerOf(key).aliases.set(alias.name, alias);
  for (const [key, provisioned] of store.all<ProvisionedRecord>(kinds.provisioned)) {
    ownerOf(key).provisioned.set(provisioned.qualifier, provisioned);
  }
  for (const entry of everything()) reroute(entry);

  return {
    route: (account, regionName, name, qualifier) =>
      accounts.get(account)?.get(regionName)?.get(name)?.routes.get(qualifier),
    find,
    get,
    region,
    everything,
    reroute,
  };
}
