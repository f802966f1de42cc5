import { chmodSync, writeFileSync } from "node:fs";
import type { Registry } from "../../registry/index.ts";
import { createKeyring } from "./keyring.ts";

/** The operator's credentials, as they stand in their file. */
export interface OperatorKey {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
}

/**
 * The key of the root user of the platform's own account: made at the first start with signatures checked, found again at
 * the next, and written to `path`, which only the platform's user can read, for `thaw env` to show.
 */
export function operatorKey(registry: Pick<Registry, "named">, account: string, path: string): OperatorKey {
  const keyring = createKeyring(registry);
  const { name, secret } =
    keyring.of(account, undefined).find(({ status }) => status === "Active") ?? keyring.create(account, undefined);
  const key: OperatorKey = { AccessKeyId: name, SecretAccessKey: secret };
  writeFileSync(path, `${JSON.stringify(key, null, 2)}\n`, { mode: 0o600 });
  // The mode counts only for a file that is new.
  chmodSync(path, 0o600);
  return key;
}
