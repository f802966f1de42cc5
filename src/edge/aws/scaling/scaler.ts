import {
  combined,
  nextWithin,
  parseSchedule,
  type ScalingActivity,
  trackTarget,
  withBounds,
} from "../../../capacity/index.ts";
import type {
  Registry,
  ScalableTargetRecord,
  ScalingPolicyRecord,
  ScheduledActionRecord,
} from "../../../registry/index.ts";
import type { Capacity } from "./capacity.ts";
import { removeTarget } from "./targets.ts";

/** Does what policies and schedules ask for. To be called about once a second. */
export interface Scaler {
  /** @param nowMs milliseconds since the epoch */
  tick(nowMs: number): void;
}

export interface ScalerNeeds {
  readonly registry: Registry;
  readonly capacity: Capacity;
}

/** The utilization of one target: what its policies look at. */
interface Watch {
  /** index of the minute that the samples belong to */
  minute: number;
  samples: number[];
  /** averages of whole minutes, the latest last; undefined: nothing was provisioned, or nobody knows */
  readonly minutes: (number | undefined)[];
  /** the latest change by each policy, by its name */
  readonly latest: Map<string, ScalingActivity>;
}

const minuteMs = 60_000;
/** Minutes remembered: as many as an alarm for scaling in looks at. */
const remembered = 15;

export function createScaler({ registry, capacity }: ScalerNeeds): Scaler {
  const { scaling } = registry;
  const watches = new Map<string, Watch>();
  /** when an action is due, as long as its record stays the same; Infinity: never again */
  const due = new WeakMap<ScheduledActionRecord, number>();

  function dueAt(action: ScheduledActionRecord): number {
    let at = due.get(action);
    if (at === undefined) {
      const schedule = parseSchedule(action.schedule, action.timezone);
      const bounds = { anchorMs: action.created, startMs: action.start, endMs: action.end };
      at = nextWithin(schedule, action.ran, bounds) ?? Number.POSITIVE_INFINITY;
      due.set(action, at);
    }
    return at;
  }

  /** What came due while the platform was away is done once, late. */
  function runAction(action: ScheduledActionRecord, target: ScalableTargetRecord, nowMs: number): void {
    scaling.actions.put({ ...action, ran: nowMs });
    if (target.suspended.scheduled) return;
    const { min, max } = withBounds({ capacity: capacity.current(target), ...target }, action);
    const changed = { ...target, min, max };
    scaling.targets.put(changed);
    capacity.confine(changed, ` by scheduled action ${action.actionName}`);
  }

  /** The target's watch, brought to this moment; `ended`: a minute was completed by it. */
  function watchOf(target: ScalableTargetRecord, nowMs: number): { readonly watch: Watch; readonly ended: boolean } {
    const key = `${target.account} ${target.name}`;
    const minute = Math.floor(nowMs / minuteMs);
    const watch: Watch = watches.get(key) ?? { minute, samples: [], minutes: [], latest: new Map() };
    watches.set(key, watch);
    const ended = minute > watch.minute;
    // Minutes that nobody saw (the platform slept) have no data.
    for (let missed = Math.min(remembered, minute - watch.minute); missed > 0; missed -= 1) {
      watch.minutes.push(average(watch.samples));
      watch.samples = [];
    }
    watch.minutes.splice(0, watch.minutes.length - remembered);
    watch.minute = minute;
    return { watch, ended };
  }

  function track(
    target: ScalableTargetRecord,
    policies: readonly ScalingPolicyRecord[],
    watch: Watch,
    nowMs: number,
  ): void {
    const from = capacity.current(target);
    if (from === 0) return; // scaled by hand or by schedule: nothing is there to be in use
    const asked = policies.map((policy) => ({
      policy,
      wanted: trackTarget(
        termsOf(policy),
        { capacity: from, min: target.min, max: target.max },
        { minutes: watch.minutes, latest: watch.latest.get(policy.policyName) },
        nowMs,
      ),
    }));
    const to = combined(
      asked.map(({ policy, wanted }) => ({
        asked: wanted,
        disableScaleIn: policy.configuration.DisableScaleIn ?? false,
      })),
      from,
    );
    if (to === undefined || (to > from ? target.suspended.out : target.suspended.in)) return;
    const { policy } = asked.find(({ wanted }) => wanted === to) ?? asked[0]!;
    capacity.set(target, to, `target tracking policy ${policy.policyName} asked for it`);
    watch.latest.set(policy.policyName, { atMs: nowMs, from, to });
  }

  return {
    tick(nowMs) {
      for (const target of [...scaling.targets.everything()]) {
        if (capacity.exists(target)) continue;
        watches.delete(`${target.account} ${target.name}`);
        removeTarget({ registry }, target);
      }
      for (const action of [...scaling.actions.everything()]) {
        const target = scaling.targets.get(action.account, `${action.region} ${action.resourceId}`);
        if (target !== undefined && dueAt(action) <= nowMs) runAction(action, target, nowMs);
      }
      for (const target of [...scaling.targets.everything()]) {
        const policies = scaling.policies
          .list(target.account)
          .filter(({ region, resourceId }) => region === target.region && resourceId === target.resourceId);
        if (policies.length === 0) continue;
        const { watch, ended } = watchOf(target, nowMs);
        if (ended) track(target, policies, watch, nowMs);
        const utilization = capacity.utilization(target);
        if (utilization !== undefined) watch.samples.push(utilization);
      }
      capacity.settle();
    },
  };
}

const termsOf = ({ configuration }: ScalingPolicyRecord) => ({
  targetValue: configuration.TargetValue,
  ...(configuration.ScaleOutCooldown === undefined ? {} : { scaleOutCooldown: configuration.ScaleOutCooldown }),
  ...(configuration.ScaleInCooldown === undefined ? {} : { scaleInCooldown: configuration.ScaleInCooldown }),
  ...(configuration.DisableScaleIn === undefined ? {} : { disableScaleIn: configuration.DisableScaleIn }),
});

function average(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}
