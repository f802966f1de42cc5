import { randomBytes } from "node:crypto";
import { createSealer, type Sealer } from "../../keys/index.ts";
import type { Registry, SessionKeyRecord } from "../../registry/index.ts";

/** What secrets of keys and sessions are kept with. */
export interface SecretsNeeds {
  readonly registry: Pick<Registry, "named">;
  /** of the data directory's master key. Absent: a key that the registry itself keeps */
  readonly sealer?: Sealer | undefined;
}

/** The sealer, and one of the registry's own key where none is given: it guards tokens, but nothing on the disk. */
export function sealerOf({ registry, sealer }: SecretsNeeds): Sealer {
  if (sealer !== undefined) return sealer;
  const records = registry.named<SessionKeyRecord>("session-key");
  let record = records.get("", "sessions");
  if (record === undefined) {
    record = { account: "", name: "sessions", key: randomBytes(32).toString("base64") };
    records.put(record);
  }
  return createSealer(Buffer.from(record.key, "base64"));
}
