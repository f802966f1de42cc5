import { Ordered } from "./ordered.ts";
import type { Store } from "./store.ts";

/** An IAM role. */
export interface RoleRecord {
  readonly account: string;
  readonly name: string;
  readonly path: string;
  /** AROA… */
  readonly id: string;
  readonly assumeRolePolicy: string;
  readonly description?: string;
  readonly maxSessionSeconds: number;
  /** ISO 8601 */
  readonly created: string;
  readonly tags: Readonly<Record<string, string>>;
  /** policy documents by name */
  readonly inline: Readonly<Record<string, string>>;
  /** ARNs of managed policies */
  readonly attached: readonly string[];
  /** ARN of the managed policy that bounds what its policies may grant */
  readonly boundary?: string | undefined;
}

/** A customer-managed policy. */
export interface PolicyRecord {
  readonly account: string;
  readonly name: string;
  readonly path: string;
  /** ANPA… */
  readonly id: string;
  /** of the default version */
  readonly document: string;
  readonly description?: string;
  readonly created: string;
  /** ISO 8601; undefined: as it was created */
  readonly updated?: string;
  /** `v1` … Undefined: there has only been the first */
  readonly versions?: readonly PolicyVersion[];
  readonly defaultVersion?: string;
  /** number of the latest version; numbers are not given twice */
  readonly lastVersion?: number;
  readonly tags: Readonly<Record<string, string>>;
}

export interface PolicyVersion {
  /** `v1` */
  readonly id: string;
  readonly document: string;
  readonly created: string;
}

/** The first two coordinates of a document that one account owns. */
export interface NamedDocument {
  readonly account: string;
  readonly name: string;
}

/** Documents of one account by name. */
export interface Named<T> {
  get(account: string, name: string): T | undefined;
  put(record: T): void;
  remove(account: string, name: string): void;
  list(account: string): readonly T[];
  /** Of all accounts. */
  everything(): Iterable<T>;
}

export function createNamed<T extends NamedDocument>(store: Store, kind: string): Named<T> {
  const records = new Map<string, T>(store.all<T>(kind));
  const accounts = new Map<string, Ordered<T>>();
  const keyOf = (account: string, name: string) => `${account}/${name}`;
  const shelve = (record: T): void => {
    const own = accounts.get(record.account) ?? new Ordered<T>();
    accounts.set(record.account, own);
    own.set(record.name, record);
  };
  for (const record of records.values()) shelve(record);
  return {
    get: (account, name) => records.get(keyOf(account, name)),
    put(record) {
      const key = keyOf(record.account, record.name);
      store.put(kind, key, record);
      records.set(key, record);
      shelve(record);
    },
    remove(account, name) {
      store.remove(kind, keyOf(account, name));
      records.delete(keyOf(account, name));
      accounts.get(account)?.delete(name);
    },
    list: (account) => accounts.get(account)?.list() ?? [],
    everything: () => records.values(),
  };
}
