import { setTimeout as pause } from "node:timers/promises";
import type { FunctionVersion } from "../../model/index.ts";
import type { Settlement } from "../../registry/index.ts";
import type { LambdaApiNeeds } from "./needs.ts";
import { readyOf } from "./provisioning.ts";

interface Needs extends Pick<LambdaApiNeeds, "registry"> {
  readonly provisioned: LambdaApiNeeds["provisioned"] | undefined;
  /** Is nobody there any more who would like to know? */
  over(): boolean;
}

/**
 * Resolves when a published version on a capacity provider has the environments that its scaling wants at least: only then is it
 * Active (Developer Guide, "Lambda Managed Instances"). Only the function's own failure fails it: where this machine has no
 * room for all of them, those that are missing are started when somebody calls.
 */
export async function environmentsThere(
  { registry, provisioned, over }: Needs,
  target: FunctionVersion,
): Promise<Settlement> {
  if (provisioned === undefined) return { ready: true };
  for (let wait = 5; !over(); wait = Math.min(wait * 1.5, 200)) {
    const version = registry.functions.find(target, target.name)?.versions.get(target.version);
    // It was deleted, or another was published in its place.
    if (version === undefined || !target.key.startsWith(version.key)) break;
    const { account, region, name } = target;
    const wanted = readyOf(registry.resolve(account, region, name, target.version));
    const { available, failure, initFailed } = provisioned(target);
    if (available >= wanted) break;
    if (initFailed)
      return {
        ready: false,
        reason: `An error occurred during function initialization: ${failure}`,
        code: "FunctionError",
      };
    if (failure !== undefined) break;
    await pause(wait, undefined, { ref: false });
  }
  return { ready: true };
}
