import type { Sealer } from "../../keys/index.ts";
import type { AccessKeyRecord } from "../../registry/index.ts";
import { accountOfKeyId, newKeyId, newSecret } from "./key-ids.ts";
import { type SecretsNeeds, sealerOf } from "./secrets.ts";

/**
 * Long-lived key pairs: those of IAM's users (CreateAccessKey) and the operator's. Secrets are sealed on the disk; they cannot
 * be hashed, because a signature is checked with them.
 */
export interface Keyring {
  find(keyId: string): AccessKeyRecord | undefined;
  secretOf(record: AccessKeyRecord): string;
  /** `user`: undefined for the account's root user */
  create(account: string, user: string | undefined): AccessKeyRecord;
  put(record: AccessKeyRecord): void;
  remove(record: AccessKeyRecord): void;
  /** Of one user, oldest first. */
  of(account: string, user: string | undefined): readonly AccessKeyRecord[];
}

export function createKeyring(needs: SecretsNeeds): Keyring {
  let sealer: Sealer | undefined;
  const keys = needs.registry.named<AccessKeyRecord>("access-key");
  return {
    find(keyId) {
      const account = accountOfKeyId(keyId);
      return account === undefined ? undefined : keys.get(account, keyId);
    },
    secretOf({ name, sealedSecret }) {
      sealer ??= sealerOf(needs);
      return sealer.open(Buffer.from(sealedSecret, "base64"), purposeOf(name)).toString("utf8");
    },
    create(account, user) {
      sealer ??= sealerOf(needs);
      const name = newKeyId("AKIA", account);
      const record: AccessKeyRecord = {
        account,
        name,
        user,
        sealedSecret: sealer.seal(Buffer.from(newSecret()), purposeOf(name)).toString("base64"),
        status: "Active",
        created: new Date().toISOString(),
      };
      keys.put(record);
      return record;
    },
    put: keys.put,
    remove: ({ account, name }) => keys.remove(account, name),
    of: (account, user) =>
      keys
        .list(account)
        .filter((key) => key.user === user)
        .sort((one, other) => (one.created < other.created ? -1 : 1)),
  };
}

/** One key's secret is none of another's. */
const purposeOf = (keyId: string): string => `access key ${keyId}`;
