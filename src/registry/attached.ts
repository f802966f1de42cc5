import type { Scope } from "./records.ts";
import type { Store } from "./store.ts";

/** Documents that belong to a function, or to one of its versions and aliases, and go with it. */
export interface Attached<T> {
  /** `qualifier`: `$LATEST`, a version or an alias; the function as a whole when left out */
  get(scope: Scope, name: string, qualifier?: string): T | undefined;
  put(scope: Scope, name: string, qualifier: string, document: T): void;
  /** False: there was none. */
  remove(scope: Scope, name: string, qualifier?: string): boolean;
  /** Of one function: by qualifier, in order of the qualifiers' names. */
  list(scope: Scope, name: string): readonly (readonly [qualifier: string, document: T])[];
  everything(): Iterable<AttachedDocument<T>>;
}

export interface AttachedDocument<T> extends Scope {
  readonly name: string;
  readonly qualifier: string;
  readonly document: T;
}

/** What the registry does for all kinds at once. */
export interface Attachments {
  /** Loads a kind; to be called once for each, when the registry is opened. */
  open<T>(kind: string): Attached<T>;
  /** The function is gone, or one of its qualifiers; inside the transaction that removes it. */
  forget(scope: Scope, name: string, qualifier?: string): void;
}

/** What stands for the function as a whole, where a qualifier stands otherwise. */
export const noQualifier = "";

export function createAttachments(store: Store): Attachments {
  const forgetters: ((scope: Scope, name: string, qualifier?: string) => void)[] = [];

  function open<T>(kind: string): Attached<T> {
    const functions = new Map<string, Map<string, T>>();
    const functionKey = (scope: Scope, name: string) => `${scope.account}/${scope.region}/${name}`;
    const documentKey = (scope: Scope, name: string, qualifier: string) => `${functionKey(scope, name)}/${qualifier}`;

    const remember = (key: string, qualifier: string, document: T): void => {
      const known = functions.get(key) ?? new Map<string, T>();
      functions.set(key, known.set(qualifier, document));
    };
    const remove = (scope: Scope, name: string, qualifier: string): boolean => {
      const key = functionKey(scope, name);
      const known = functions.get(key);
      if (!known?.has(qualifier)) return false;
      store.remove(kind, documentKey(scope, name, qualifier));
      known.delete(qualifier);
      if (known.size === 0) functions.delete(key);
      return true;
    };

    for (const [key, document] of store.all<T>(kind)) {
      const end = key.lastIndexOf("/");
      remember(key.slice(0, end), key.slice(end + 1), document);
    }
    forgetters.push((scope, name, qualifier) => {
      const known = functions.get(functionKey(scope, name));
      for (const one of [...(known?.keys() ?? [])]) {
        if (qualifier === undefined || one === qualifier) remove(scope, name, one);
      }
    });

    return {
      get: (scope, name, qualifier = noQualifier) => functions.get(functionKey(scope, name))?.get(qualifier),
      put(scope, name, qualifier, document) {
        store.put(kind, documentKey(scope, name, qualifier), document);
        remember(functionKey(scope, name), qualifier, document);
      },
      remove: (scope, name, qualifier = noQualifier) => remove(scope, name, qualifier),
      list: (scope, name) =>
        [...(functions.get(functionKey(scope, name)) ?? [])].sort(([one], [other]) => (one < other ? -1 : 1)),
      *everything() {
        for (const [key, documents] of functions) {
          const [account, region, name] = key.split("/") as [string, string, string];
          for (const [qualifier, document] of documents) yield { account, region, name, qualifier, document };
        }
      },
    };
  }

  return {
    open,
    forget(scope, name, qualifier) {
      for (const forget of forgetters) forget(scope, name, qualifier);
    },
  };
}
