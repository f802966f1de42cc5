import { createKeys, type Keys } from "./keys.ts";
import { MasterKeyError } from "./master.ts";
import type { KeyAliasRecord, KeyDocuments, KeyRecord } from "./records.ts";
import type { Sealer } from "./seal.ts";

export interface OpenKeysNeeds {
  readonly sealer: Sealer;
  /** documents of one kind */
  named<T extends { readonly account: string; readonly name: string }>(kind: string): KeyDocuments<T>;
  clock(): number;
}

interface Check {
  readonly account: string;
  readonly name: string;
  readonly sealed: string;
}

/** The keys as they were kept. Throws MasterKeyError when all this was sealed with another master key. */
export function openKeys({ sealer, named, clock }: OpenKeysNeeds): Keys {
  const checks = named<Check>("master-key");
  const [account, name] = ["000000000000", "check"];
  const check = checks.get(account, name);
  if (check === undefined) {
    checks.put({ account, name, sealed: sealer.seal(Buffer.from("thaw"), name).toString("base64") });
  } else {
    try {
      sealer.open(Buffer.from(check.sealed, "base64"), name);
    } catch (cause) {
      throw new MasterKeyError("what is in the data directory was sealed with another master key", { cause });
    }
  }
  return createKeys({
    sealer,
    records: named<KeyRecord>("kms-key"),
    aliases: named<KeyAliasRecord>("kms-alias"),
    clock,
  });
}
