import {
  aliasArn,
  type KeyAliasRecord,
  type KeyDocuments,
  type KeyRecord,
  KeyRefusal,
  type KeyScope,
  type KeyUsage,
  keyArn,
} from "./records.ts";

/** Finds keys by what clients call them. */
export interface KeyLookup {
  /** By number, ARN, alias or an alias's ARN. Throws NotFoundException. */
  find(scope: KeyScope, given: string): KeyRecord;
  byId(scope: KeyScope, id: string): KeyRecord | undefined;
  /** Of one account and region, those that were deleted left out, in order of their numbers. */
  list(scope: KeyScope): readonly KeyRecord[];
  aliases(scope: KeyScope): readonly KeyAliasRecord[];
  /** Makes an alias stand for a key; a new one, or another key than before. */
  nameKey(scope: KeyScope, alias: string, key: KeyRecord): void;
  unname(alias: KeyAliasRecord): void;
  /** Throws DisabledException, KMSInvalidStateException, InvalidKeyUsageException. */
  checkUsable(key: KeyRecord, usage: KeyUsage, operation: string): void;
  /** Why what was sealed under this key cannot be used now; undefined: it can, or the key was never one of ours. */
  trouble(arn: string): { readonly code: "disabled" | "state" | "gone"; readonly message: string } | undefined;
}

export interface LookupNeeds {
  readonly records: KeyDocuments<KeyRecord>;
  readonly aliases: KeyDocuments<KeyAliasRecord>;
  clock(): number;
  /** Makes the platform's own key for a service. */
  create(scope: KeyScope, description: string): KeyRecord;
}

const uuid = /^(mrk-)?[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/;
const arnParts = /^arn:[^:]+:kms:([^:]+):(\d{12}):(key|alias)\/(.+)$/;

export function createLookup(needs: LookupNeeds): KeyLookup {
  const { records, clock } = needs;

  /** A key whose time has come loses its materials; that there was one is remembered for what was sealed under it. */
  function alive(key: KeyRecord | undefined): KeyRecord | undefined {
    if (key === undefined || key.materials.length === 0) return undefined;
    if (key.deletion === undefined || key.deletion > clock()) return key;
    records.put({ ...key, materials: [] });
    for (const alias of aliases(key)) if (alias.keyId === key.id) needs.aliases.remove(alias.account, alias.name);
    return undefined;
  }

  const byId = (scope: KeyScope, id: string) => alive(records.get(scope.account, `${scope.region}/${id}`));

  const aliases = ({ account, region }: KeyScope) =>
    needs.aliases.list(account).filter((alias) => alias.region === region);

  function nameKey({ account, region }: KeyScope, alias: string, key: KeyRecord): void {
    const name = `${region}/${alias}`;
    const updated = clock();
    const created = needs.aliases.get(account, name)?.created ?? updated;
    needs.aliases.put({ account, region, name, keyId: key.id, created, updated });
  }

  function byAlias(scope: KeyScope, alias: string): KeyRecord {
    const name = `${scope.region}/${alias}`;
    const record = needs.aliases.get(scope.account, name);
    const key = record === undefined ? undefined : byId(scope, record.keyId);
    if (key !== undefined) return key;
    const service = /^alias\/aws\/(lambda|ssm|secretsmanager|s3)$/.exec(alias)?.[1];
    if (service === undefined) {
      throw new KeyRefusal("NotFoundException", `Alias ${aliasArn(scope, alias)} is not found.`);
    }
    const made = needs.create(scope, `Default key that protects what ${service} keeps when no other key is defined`);
    nameKey(scope, alias, made);
    return made;
  }

  function find(scope: KeyScope, given: string): KeyRecord {
    if (given.startsWith("alias/")) return byAlias(scope, given);
    const [, region, account, kind, rest] = arnParts.exec(given) ?? [];
    if (given.startsWith("arn:") && region === undefined) {
      throw new KeyRefusal("NotFoundException", `Invalid arn ${given}`);
    }
    if (region !== undefined && region !== scope.region) {
      throw new KeyRefusal("NotFoundException", `Invalid arn ${region}`);
    }
    const owner = { account: account ?? scope.account, region: scope.region };
    if (kind === "alias") return byAlias(owner, `alias/${rest}`);
    const id = rest ?? given;
    if (region === undefined && !uuid.test(id)) throw new KeyRefusal("NotFoundException", `Invalid keyId '${id}'`);
    const key = byId(owner, id);
    if (key === undefined) {
      throw new KeyRefusal("NotFoundException", `Key '${keyArn({ ...owner, id })}' does not exist`);
    }
    return key;
  }

  return {
    find,
    byId,
    aliases,
    nameKey,
    unname: (alias) => needs.aliases.remove(alias.account, alias.name),
    list: (scope) => {
      const all = records.list(scope.account).filter(({ region }) => region === scope.region);
      return all.flatMap((key) => alive(key) ?? []);
    },
    checkUsable(key, usage, operation) {
      const arn = keyArn(key);
      if (key.deletion !== undefined) throw new KeyRefusal("KMSInvalidStateException", `${arn} is pending deletion.`);
      if (!key.enabled) throw new KeyRefusal("DisabledException", `${arn} is disabled.`);
      if (key.usage === usage) return;
      throw new KeyRefusal(
        "InvalidKeyUsageException",
        `${arn} key usage is ${key.usage} which is not valid for ${operation}.`,
      );
    },
    trouble(arn) {
      const [, region, account, kind, id] = arnParts.exec(arn) ?? [];
      if (region === undefined || account === undefined || id === undefined || kind !== "key") return undefined;
      const known = records.get(account, `${region}/${id}`);
      if (known === undefined) return undefined;
      const key = alive(known);
      if (key === undefined) return { code: "gone", message: `Key '${arn}' does not exist` };
      if (key.deletion !== undefined) return { code: "state", message: `${arn} is pending deletion.` };
      return key.enabled ? undefined : { code: "disabled", message: `${arn} is disabled.` };
    },
  };
}
