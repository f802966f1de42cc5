import { digestOf, treeDigest } from "../images/index.ts";
import type { Plan } from "./plan.ts";

/**
 * Key of the image of a plan's initialised process: changes with everything that decides what the process is. Rejects when
 * a part of the plan is gone.
 *
 * @param machine digest of kernel, boot, CPU and agent (images/machine.ts)
 */
export async function imageKey(plan: Plan, machine: string): Promise<string> {
  const { target, mounts, command, env, link, runtimeVersion, memoryBytes, tmpBytes, cpus, endpointPort, rootfs, cwd } =
    plan;
  const trees = await Promise.all(
    mounts.map(async ({ source, target: at }) => {
      // Our own bootstraps are small, and a release changes them; everything else has its version in its path.
      const digest = await treeDigest(source, at === "/var/runtime");
      return { source, at, digest };
    }),
  );
  return digestOf({
    machine,
    account: target.account,
    arn: target.arn,
    code: target.code.digest,
    layers: target.layers.map(({ digest }) => digest),
    network: target.network,
    snapStart: target.snapStart,
    runtime: [target.runtime, runtimeVersion, link, command],
    env,
    limits: [memoryBytes, tmpBytes, cpus, endpointPort],
    trees,
    root: [rootfs, cwd],
  });
}
