import { randomUUID } from "node:crypto";
import { ServiceError } from "../../../model/index.ts";
import {
  type Registry,
  type ScalableTargetRecord,
  type ScalingActivityRecord,
  versionsBehind,
} from "../../../registry/index.ts";
import type { LambdaApiNeeds } from "../../lambda-api/needs.ts";
import { type Provisioning, provisionedView } from "../../lambda-api/provisioning.ts";
import { functionOf, keyOf } from "./resource.ts";

/** Reads and sets the provisioned concurrency of scalable targets, and keeps the record of it. */
export interface Capacity {
  /** environments asked for; 0: none, or there is no such version any more */
  current(target: ScalableTargetRecord): number;
  /** Sets it when it is another, within the target's bounds. Its failure is an activity that failed. */
  set(target: ScalableTargetRecord, wanted: number, cause: string): void;
  /** Brings what lies outside of the target's bounds back to them. */
  confine(target: ScalableTargetRecord, because: string): void;
  /** Ends the activities whose environments are ready by now, or could not be made. */
  settle(): void;
  /** share of the provisioned environments that run something now, 0 to 1; undefined: there are none, or nobody knows */
  utilization(target: ScalableTargetRecord): number | undefined;
  /** Is there still such a version or alias? */
  exists(target: ScalableTargetRecord): boolean;
}

export interface CapacityNeeds extends Pick<LambdaApiNeeds, "provision" | "provisioned"> {
  readonly registry: Registry;
  readonly provisioning: Provisioning;
  /** milliseconds since the epoch */
  clock(): number;
}

/** Activities kept of each target. AWS keeps them for six weeks. */
const kept = 100;
/** The last moment that ECMAScript knows. */
const latestMs = 8.64e15;

export function createCapacity(needs: CapacityNeeds): Capacity {
  const { registry, provisioning, clock } = needs;
  const { functions, scaling } = registry;

  function record(target: ScalableTargetRecord) {
    const { functionName, qualifier } = functionOf(target);
    return functions.find(target, functionName)?.provisioned.get(qualifier);
  }

  function view(target: ScalableTargetRecord) {
    const found = record(target);
    const { functionName, qualifier } = functionOf(target);
    const ref = { account: target.account, region: target.region, name: functionName, qualifier };
    return found === undefined ? undefined : provisionedView(needs, ref, found);
  }

  const current = (target: ScalableTargetRecord): number => record(target)?.executions ?? 0;

  function apply(target: ScalableTargetRecord, wanted: number): void {
    const { functionName, qualifier } = functionOf(target);
    if (wanted === 0) functions.unprovision(target, functionName, qualifier);
    else functions.provision(target, functionName, qualifier, wanted);
    provisioning.apply(target, functionName);
  }

  function note(target: ScalableTargetRecord, capacity: number, cause: string, error: string | undefined): void {
    const activityId = randomUUID();
    const created = clock();
    for (const old of activitiesOf(target)) if (old.status === "InProgress") finish(old, "Overridden", "");
    const { account, region, resourceId } = target;
    scaling.activities.put({
      account,
      region,
      resourceId,
      // The latest first.
      name: keyOf(target, `${String(latestMs - created).padStart(16, "0")} ${activityId}`),
      arn: "",
      created,
      activityId,
      description: `Setting desired capacity to ${capacity}.`,
      cause,
      capacity,
      status: error === undefined ? "InProgress" : "Failed",
      statusMessage:
        error ?? `Successfully set desired capacity to ${capacity}. Waiting for change to be fulfilled by lambda.`,
      ...(error === undefined ? {} : { ended: created }),
    });
    for (const old of activitiesOf(target).slice(kept)) scaling.activities.remove(old.account, old.name);
  }

  const activitiesOf = (target: ScalableTargetRecord): readonly ScalingActivityRecord[] =>
    scaling.activities
      .list(target.account)
      .filter(({ region, resourceId }) => region === target.region && resourceId === target.resourceId);

  const finish = (activity: ScalingActivityRecord, status: ScalingActivityRecord["status"], statusMessage: string) =>
    scaling.activities.put({ ...activity, status, statusMessage, ended: clock() });

  function set(target: ScalableTargetRecord, wanted: number, cause: string): void {
    const capacity = Math.max(target.min, Math.min(target.max, wanted));
    if (capacity === current(target)) return;
    try {
      apply(target, capacity);
      note(target, capacity, cause, undefined);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      note(target, capacity, cause, `Failed to set desired capacity to ${capacity}. Reason: ${error.message}`);
    }
  }

  return {
    current,
    set,
    exists(target) {
      const { functionName, qualifier } = functionOf(target);
      const entry = functions.find(target, functionName);
      return entry?.versions.has(qualifier) === true || entry?.aliases.has(qualifier) === true;
    },
    confine(target, because) {
      const now = current(target);
      if (now < target.min) set(target, target.min, `minimum capacity was set to ${target.min}${because}`);
      else if (now > target.max) set(target, target.max, `maximum capacity was set to ${target.max}${because}`);
    },
    settle() {
      for (const activity of [...scaling.activities.everything()]) {
        if (activity.status !== "InProgress") continue;
        const target = scaling.targets.get(activity.account, keyOf(activity));
        const state = target === undefined ? undefined : view(target);
        const { capacity } = activity;
        if (target === undefined || current(target) !== capacity) finish(activity, "Overridden", "");
        else if (state === undefined || state.Status === "READY") {
          const done = `Successfully set desired capacity to ${capacity}. Change successfully fulfilled by lambda.`;
          finish(activity, "Successful", done);
        } else if (state.Status === "FAILED") finish(activity, "Failed", state.StatusReason ?? "");
      }
    },
    utilization(target) {
      const { functionName, qualifier } = functionOf(target);
      const entry = functions.find(target, functionName);
      let allocated = 0;
      let inUse: number | undefined;
      for (const version of entry === undefined ? [] : versionsBehind(entry, qualifier)) {
        if (entry?.versions.has(version) !== true) continue;
        const state = needs.provisioned?.(registry.resolve(target.account, target.region, functionName, version));
        allocated += state?.allocated ?? 0;
        if (state?.inUse !== undefined) inUse = (inUse ?? 0) + state.inUse;
      }
      return inUse === undefined || allocated === 0 ? undefined : Math.min(1, inUse / allocated);
    },
  };
}
