import { type LayerRef, ServiceError } from "../model/index.ts";
import { type LayerVersionRecord, layerArn, type Scope } from "./records.ts";
import type { Store } from "./store.ts";

/** Layer versions: immutable, numbered from 1, numbers never used twice. */
export interface Layers {
  publish(
    scope: Scope,
    name: string,
    made: Omit<LayerVersionRecord, "account" | "region" | "name" | "version">,
  ): LayerVersionRecord;
  find(scope: Scope, name: string, version: number): LayerVersionRecord | undefined;
  /** Newest first; empty when there is no such layer. */
  versions(scope: Scope, name: string): readonly LayerVersionRecord[];
  /** The newest version of each layer, by name. */
  list(scope: Scope): readonly LayerVersionRecord[];
  /** Idempotent, as Lambda's is. Functions that use it keep working: they refer to its content. */
  remove(scope: Scope, name: string, version: number): void;
  everything(): Iterable<LayerVersionRecord>;
  /** What functions refer to. Throws InvalidParameterValueException for an ARN that leads nowhere. */
  refs(arns: readonly string[]): readonly LayerRef[];
}

interface Numbering extends Scope {
  readonly name: string;
  readonly next: number;
}

const kinds = { layer: "layer", version: "layer-version" } as const;
const arnParts = /^arn:[^:]+:lambda:([^:]+):(\d{12}):layer:([^:]+):(\d+)$/;

export function createLayers(store: Store): Layers {
  const numbering = new Map<string, Numbering>(store.all<Numbering>(kinds.layer));
  const byLayer = new Map<string, Map<number, LayerVersionRecord>>();
  const keyOf = (scope: Scope, name: string) => `${scope.account}/${scope.region}/${name}`;
  const keep = (record: LayerVersionRecord): void => {
    const key = keyOf(record, record.name);
    const versions = byLayer.get(key) ?? new Map<number, LayerVersionRecord>();
    byLayer.set(key, versions.set(record.version, record));
  };
  for (const [, record] of store.all<LayerVersionRecord>(kinds.version)) keep(record);

  function publish(
    scope: Scope,
    name: string,
    made: Omit<LayerVersionRecord, "account" | "region" | "name" | "version">,
  ): LayerVersionRecord {
    const key = keyOf(scope, name);
    const version = numbering.get(key)?.next ?? 1;
    const { account, region } = scope;
    const record: LayerVersionRecord = { account, region, name, version, ...made };
    const next: Numbering = { account, region, name, next: version + 1 };
    store.transaction(() => {
      store.put(kinds.layer, key, next);
      store.put(kinds.version, `${key}/${version}`, record);
    });
    numbering.set(key, next);
    keep(record);
    return record;
  }

  const find = (scope: Scope, name: string, version: number) => byLayer.get(keyOf(scope, name))?.get(version);
  const versions = (scope: Scope, name: string) =>
    [...(byLayer.get(keyOf(scope, name))?.values() ?? [])].sort((one, other) => other.version - one.version);

  return {
    publish,
    find,
    versions,
    list(scope) {
      const own = [...numbering.values()].filter(
        (layer) => layer.account === scope.account && layer.region === scope.region,
      );
      own.sort((one, other) => (one.name < other.name ? -1 : 1));
      return own.flatMap((layer) => versions(scope, layer.name).slice(0, 1));
    },
    remove(scope, name, version) {
      store.remove(kinds.version, `${keyOf(scope, name)}/${version}`);
      byLayer.get(keyOf(scope, name))?.delete(version);
    },
    *everything() {
      for (const layer of byLayer.values()) yield* layer.values();
    },
    refs(arns) {
      return arns.map((arn) => {
        const [, region = "", account = "", name = "", version = ""] = arnParts.exec(arn) ?? [];
        const record = find({ account, region }, name, Number(version));
        if (record === undefined) {
          throw new ServiceError("InvalidParameterValueException", `Layer version ${arn} does not exist.`);
        }
        return { arn: `${layerArn(record, name)}:${record.version}`, ...record.code };
      });
    },
  };
}
