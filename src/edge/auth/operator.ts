import { chmodSync, writeFileSync } from "node:fs";
import { createKeyring } from "./keyring.ts";
import type { SecretsNeeds } from "./secrets.ts";

/** The operator's credentials, as they stand in their file. */
export interface OperatorKey {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
}

/**
 * The key of the root user of the platform's own account: made at the first start with signatures checked, found again at
 * the next, and written to `path`, which only the platform's user can read, for `thaw env` to show.
 */
export function operatorKey(needs: SecretsNeeds, account: string, path: string): OperatorKey {
  const keyring = createKeyring(needs);
  const record =
    keyring.of(account, undefined).find(({ status }) => status === "Active") ?? keyring.create(account, undefined);
  const key: OperatorKey = { AccessKeyId: record.name, SecretAccessKey: keyring.secretOf(record) };
  writeFileSync(path, `${JSON.stringify(key, null, 2)}\n`, { mode: 0o600 });
  // The mode counts only for a file that is new.
  chmodSync(path, 0o600);
  return key;
}
