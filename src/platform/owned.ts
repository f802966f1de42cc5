import { createLingering } from "../capacity/index.ts";
import { isBare } from "../environments/index.ts";
import type { FunctionVersion } from "../model/index.ts";
import type { Registry } from "../registry/index.ts";

/** The accounts that have functions of each runtime. */
export function runtimesInUse(registry: Registry): Map<string, Set<string>> {
  const accounts = new Map<string, Set<string>>();
  for (const { record, latest, versions } of registry.functions.everything()) {
    for (const { settings } of [latest, ...versions.values()]) {
      if (settings.Runtime === undefined) continue;
      const found = accounts.get(settings.Runtime) ?? new Set();
      accounts.set(settings.Runtime, found.add(record.account));
    }
  }
  return accounts;
}

/** How long a booted runtime is kept beyond the account's last function on it: who deletes one often makes it anew. */
const runtimeLingersMs = 60 * 60 * 1000;

/**
 * Tells whether an image's owner is still there: the version that it is of, or for a runtime without a function, any
 * function of its account that uses it, or has used it of late.
 */
export function createOwned(
  registry: Registry,
  clock: () => number,
): (owner: Parameters<typeof isCurrent>[1]) => boolean {
  const lingers = createLingering({ keepMs: runtimeLingersMs, clock });
  return (owner) => {
    if (!isBare(owner)) return isCurrent(registry, owner);
    const used = runtimesInUse(registry).get(owner.name)?.has(owner.account) === true;
    return lingers(`${owner.account} ${owner.name}`, used);
  };
}

/** Is this still the code and configuration of its version? */
function isCurrent(
  registry: Registry,
  target: Pick<FunctionVersion, "account" | "region" | "name" | "version" | "key">,
): boolean {
  try {
    return registry.resolve(target.account, target.region, target.name, target.version).key === target.key;
  } catch {
    return false;
  }
}
