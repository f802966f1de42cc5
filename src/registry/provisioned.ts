import type { AliasRecord, ProvisionedRecord } from "./records.ts";

/** What decides how many environments of which version are to be kept ready. */
export interface Provisioning {
  readonly aliases: ReadonlyMap<string, AliasRecord>;
  readonly provisioned: ReadonlyMap<string, ProvisionedRecord>;
}

/** The versions a qualifier leads to: itself, or those of the alias, the primary one first. */
export function versionsBehind({ aliases }: Pick<Provisioning, "aliases">, qualifier: string): readonly string[] {
  const alias = aliases.get(qualifier);
  return alias === undefined ? [qualifier] : [alias.version, ...Object.keys(alias.weights ?? {})];
}

/**
 * Environments to be kept ready, by version. What a weighted alias provisions is divided as its invocations are, so that
 * the sum stays what was asked for (AWS says that the versions' shares fluctuate during a deployment).
 */
export function wantedOf(entry: Provisioning): ReadonlyMap<string, number> {
  const wanted = new Map<string, number>();
  const add = (version: string, executions: number) => {
    if (executions > 0) wanted.set(version, (wanted.get(version) ?? 0) + executions);
  };
  for (const { qualifier, executions } of entry.provisioned.values()) {
    const alias = entry.aliases.get(qualifier);
    let left = executions;
    for (const [version, weight] of Object.entries(alias?.weights ?? {})) {
      const share = Math.min(left, Math.round(executions * weight));
      add(version, share);
      left -= share;
    }
    add(alias?.version ?? qualifier, left);
  }
  return wanted;
}
