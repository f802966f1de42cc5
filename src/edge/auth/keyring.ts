import type { AccessKeyRecord, Registry } from "../../registry/index.ts";
import { accountOfKeyId, newKeyId, newSecret } from "./key-ids.ts";

/**
 * Long-lived key pairs: those of IAM's users (CreateAccessKey) and the operator's. Secrets are kept as they are, because a
 * signature is checked with them, in the registry's file, which only the platform's user can read.
 */
export interface Keyring {
  find(keyId: string): AccessKeyRecord | undefined;
  /** `user`: undefined for the account's root user */
  create(account: string, user: string | undefined): AccessKeyRecord;
  put(record: AccessKeyRecord): void;
  remove(record: AccessKeyRecord): void;
  /** Of one user, oldest first. */
  of(account: string, user: string | undefined): readonly AccessKeyRecord[];
}

export function createKeyring(registry: Pick<Registry, "named">): Keyring {
  const keys = registry.named<AccessKeyRecord>("access-key");
  return {
    find(keyId) {
      const account = accountOfKeyId(keyId);
      return account === undefined ? undefined : keys.get(account, keyId);
    },
    create(account, user) {
      const record: AccessKeyRecord = {
        account,
        name: newKeyId("AKIA", account),
        user,
        secret: newSecret(),
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
