/**
 * Target tracking and scheduled scaling of provisioned concurrency, as Application Auto Scaling does it (its User Guide,
 * "How target tracking scaling works", "Scheduled scaling"). Arithmetic only: who calls keeps the datapoints and applies
 * what is decided.
 */

/** A scalable target: how much there is, and between what it may move. Whole numbers, 0 ≤ min ≤ max. */
export interface ScalableCapacity {
  readonly capacity: number;
  readonly min: number;
  readonly max: number;
}

export interface TargetTrackingPolicy {
  /** what the metric should be; for LambdaProvisionedConcurrencyUtilization between 0.1 and 0.9 */
  readonly targetValue: number;
  /** seconds; 0 is AWS's default for Lambda */
  readonly scaleOutCooldown?: number;
  readonly scaleInCooldown?: number;
  readonly disableScaleIn?: boolean;
}

/** One change that was made, as far as cooldowns must know it. */
export interface ScalingActivity {
  /** milliseconds since the epoch */
  readonly atMs: number;
  readonly from: number;
  readonly to: number;
}

export interface TrackedMetric {
  /** averages of whole minutes, the latest last; undefined: no data for that minute */
  readonly minutes: readonly (number | undefined)[];
  /** the latest change by this policy, if there was one */
  readonly latest?: ScalingActivity | undefined;
}

/** What an alarm must see before something happens, minutes in a row (the alarms that AWS creates for Lambda). */
const alarm = { outMinutes: 3, inMinutes: 15, inBelow: 0.9 } as const;

/**
 * The capacity a policy asks for, or undefined when it asks for nothing: three minutes in a row above the target ask for
 * more, fifteen below nine tenths of it for less. A minute without data asks for nothing, as at AWS, where a metric that is
 * not reported while nobody calls keeps a function from ever scaling in: report 0 then.
 *
 * More is in proportion to the latest minute and rounded up. Less is in proportion to the busiest of the fifteen, rounded up
 * as well: "more aggressive in adding capacity than in removing it". AWS does not publish how it rounds.
 */
export function trackTarget(
  policy: TargetTrackingPolicy,
  current: ScalableCapacity,
  metric: TrackedMetric,
  nowMs: number,
): number | undefined {
  const { targetValue, scaleOutCooldown = 0, scaleInCooldown = 0, disableScaleIn = false } = policy;
  const { capacity } = current;
  const { minutes, latest } = metric;
  const coolingMs = (cooldown: number) => (latest ? latest.atMs + cooldown * 1000 - nowMs : 0);

  const high = lastMinutes(minutes, alarm.outMinutes)?.every((value) => value > targetValue);
  if (high) {
    let wanted = Math.ceil(rounded((capacity * minutes.at(-1)!) / targetValue));
    // In the cooldown, what the change before has added counts as part of what is to be added now.
    if (latest && latest.to > latest.from && coolingMs(scaleOutCooldown) > 0) wanted -= latest.to - latest.from;
    return higher(clamped(wanted, current), capacity);
  }

  const low = lastMinutes(minutes, alarm.inMinutes);
  if (disableScaleIn || !low?.every((value) => value < alarm.inBelow * targetValue)) return undefined;
  const wasOut = latest !== undefined && latest.to > latest.from;
  if (coolingMs(wasOut ? scaleOutCooldown : scaleInCooldown) > 0) return undefined;
  const wanted = clamped(Math.ceil(rounded((capacity * Math.max(...low)) / targetValue)), current);
  return wanted < capacity ? wanted : undefined;
}

/**
 * What several policies of one target come to: if any asks for more, the most; less only if all that may scale in ask for
 * less, and then the least of the reductions (User Guide, "Multiple scaling policies").
 */
export function combined(
  policies: readonly { readonly asked: number | undefined; readonly disableScaleIn?: boolean }[],
  capacity: number,
): number | undefined {
  const more = policies.map(({ asked }) => asked ?? 0).filter((asked) => asked > capacity);
  if (more.length > 0) return Math.max(...more);
  const deciding = policies.filter(({ disableScaleIn }) => !disableScaleIn).map(({ asked }) => asked ?? capacity);
  const most = Math.max(...deciding);
  return deciding.length > 0 && most < capacity ? most : undefined;
}

/**
 * A scheduled action, or a new registration, sets the bounds; capacity outside them moves to the nearer one at once. Either
 * may be left out, and keeps its value. A lone minimum above the maximum (or the reverse) moves the other with it.
 */
export function withBounds(
  current: ScalableCapacity,
  bounds: { readonly min?: number | undefined; readonly max?: number | undefined },
): ScalableCapacity {
  const min = bounds.min ?? Math.min(current.min, bounds.max ?? current.max);
  const max = Math.max(min, bounds.max ?? current.max);
  return { min, max, capacity: clamped(current.capacity, { min, max }) };
}

/** What a warm-up must know to take its next step. */
export interface WarmUp {
  /** environments asked for */
  readonly wanted: number;
  /** of those, ready or serving */
  readonly ready: number;
  /** of those, being started */
  readonly starting: number;
  /** starts begun for this function in the last 60 seconds */
  readonly startedLastMinute: number;
  /** CPUs of this machine */
  readonly cpus: number;
  /** bytes the machine has left for environments, and what one of these takes */
  readonly freeBytes: number;
  readonly bytesEach: number;
}

/** AWS allocates at most this many environments of a function in a minute (Lambda Developer Guide, "Provisioned concurrency"). */
const allocatedAMinute = 6000;
/** starts under way for each CPU: two, for a start waits now and then; more would only make each of them slower */
const startsPerCpu = 2;

/**
 * How many starts to begin now for an allocation that grows gradually: requests that come meanwhile find CPU. Ask again
 * whenever a start has ended. 0 with `ready + starting < wanted` and `starting` 0: there is no memory for more, or the
 * minute's share is used up.
 */
export function warmUpStarts(view: WarmUp): number {
  const { wanted, ready, starting, startedLastMinute, cpus, freeBytes, bytesEach } = view;
  const missing = wanted - ready - starting;
  const parallel = startsPerCpu * cpus - starting;
  const rate = allocatedAMinute - startedLastMinute;
  const memory = Math.floor(freeBytes / Math.max(1, bytesEach)) - starting;
  return Math.max(0, Math.min(missing, parallel, rate, memory));
}

/** The last `count` minutes, or undefined when there are not as many or one has no data. */
function lastMinutes(minutes: readonly (number | undefined)[], count: number): number[] | undefined {
  const last = minutes.slice(-count);
  const known = last.filter((value) => value !== undefined);
  return known.length === count ? known : undefined;
}

/** Without what floating point adds: 10 × 0.7 / 0.7 is 10, not a bit more that would be rounded up to 11. */
function rounded(value: number): number {
  return Math.round(value * 1e9) / 1e9;
}

function clamped(capacity: number, { min, max }: { readonly min: number; readonly max: number }): number {
  return Math.min(max, Math.max(min, capacity));
}

function higher(wanted: number, capacity: number): number | undefined {
  return wanted > capacity ? wanted : undefined;
}
