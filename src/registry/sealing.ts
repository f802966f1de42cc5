import { functionArn, type VersionRecord } from "./records.ts";
import type { Store } from "./store.ts";

/** Whose secret it is; it opens for the same only. `keyArn`: the key that the function names, if it names one. */
export interface SecretOwner {
  readonly account: string;
  readonly region: string;
  readonly arn: string;
  readonly keyArn?: string | undefined;
}

/** Closes and opens what is not to be read on the disk. */
export interface Secrets {
  seal(plain: string, owner: SecretOwner): string;
  /** Undefined: its key is gone for good. Throws when the platform's own key is another one. */
  open(sealed: string, owner: SecretOwner): string | undefined;
}

type Environment = VersionRecord["settings"]["Environment"] & {
  readonly Sealed?: string;
  readonly Error?: { readonly ErrorCode: string; readonly Message: string };
};

/**
 * A store on whose disk functions' environment variables are sealed. Memory has them open. What an earlier version of the
 * platform left unsealed is sealed at once.
 */
export function sealedStore(store: Store, kind: string, secrets: Secrets): Store {
  /** What was sealed stays as it is: it may be that nobody can seal it again, because its key is gone. */
  const sealedTexts = new WeakMap<object, { readonly text: string; readonly keyArn: string | undefined }>();

  function ownerOf(key: string, { settings }: VersionRecord): SecretOwner {
    const [account = "", region = "", name = ""] = key.split("/");
    const keyArn = typeof settings.KMSKeyArn === "string" && settings.KMSKeyArn !== "" ? settings.KMSKeyArn : undefined;
    return { account, region, arn: functionArn({ account, region }, name), keyArn };
  }

  function seal(key: string, version: VersionRecord): VersionRecord {
    const environment = version.settings.Environment as Environment | undefined;
    if (environment?.Sealed !== undefined) return withEnvironment(version, { Sealed: environment.Sealed });
    if (environment?.Variables === undefined || Object.keys(environment.Variables).length === 0) return version;
    const owner = ownerOf(key, version);
    const known = sealedTexts.get(environment);
    const text =
      known !== undefined && known.keyArn === owner.keyArn
        ? known.text
        : secrets.seal(JSON.stringify(environment.Variables), owner);
    sealedTexts.set(environment, { text, keyArn: owner.keyArn });
    return withEnvironment(version, { Sealed: text });
  }

  function open(key: string, version: VersionRecord): VersionRecord {
    const { Sealed } = (version.settings.Environment ?? {}) as Environment;
    if (Sealed === undefined) return version;
    const owner = ownerOf(key, version);
    const plain = secrets.open(Sealed, owner);
    if (plain === undefined) return withEnvironment(version, { Sealed, Error: lost });
    const environment = { Variables: JSON.parse(plain) as Record<string, string> };
    sealedTexts.set(environment, { text: Sealed, keyArn: owner.keyArn });
    return withEnvironment(version, environment);
  }

  const isUnsealed = ({ settings }: VersionRecord) => Object.keys(settings.Environment?.Variables ?? {}).length > 0;
  const unsealed = [...store.all<VersionRecord>(kind)].filter(([, version]) => isUnsealed(version));
  if (unsealed.length > 0) {
    store.transaction(() => {
      for (const [key, version] of unsealed) store.put(kind, key, seal(key, version));
    });
    store.scrub();
  }

  return {
    ...store,
    *all<T>(wanted: string) {
      for (const [key, document] of store.all<T>(wanted)) {
        yield [key, wanted === kind ? (open(key, document as VersionRecord) as T) : document] as const;
      }
    },
    put(wanted, key, document) {
      store.put(wanted, key, wanted === kind ? seal(key, document as VersionRecord) : document);
    },
  };
}

/** Source: Lambda's API, EnvironmentResponse (Error). */
const lost = {
  ErrorCode: "KMSNotFoundException",
  Message: "Lambda was unable to decrypt the environment variables because the KMS key was not found.",
};

function withEnvironment(version: VersionRecord, environment: Environment): VersionRecord {
  return { ...version, settings: { ...version.settings, Environment: environment } };
}
