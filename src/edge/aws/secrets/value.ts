import type { Sealer } from "../../../keys/index.ts";
import type { Registry, Scope } from "../../../registry/index.ts";
import { find, open, type SecretRecord, secretKind, versionOf } from "./store.ts";

/** The current text of a secret, for Parameter Store's references. Undefined: there is no such secret. */
export function secretValue(
  { registry, sealer }: { readonly registry: Pick<Registry, "named">; readonly sealer: Sealer },
  scope: Scope,
  id: string,
): { readonly value: string; readonly arn: string; readonly created: number } | undefined {
  const context = { records: registry.named<SecretRecord>(secretKind), sealer, clock: Date.now };
  const record = find({ context, scope }, id);
  if (record === undefined || record.deletion !== undefined) return undefined;
  const version = versionOf(record, undefined, undefined);
  return { value: open(context, record.arn, version).toString("utf8"), arn: record.arn, created: version.created };
}
