export type AlarmState = "OK" | "ALARM" | "INSUFFICIENT_DATA";
export type MissingData = "missing" | "ignore" | "breaching" | "notBreaching";

export interface Judged {
  /** N: most recent data points that count */
  readonly evaluationPeriods: number;
  /** M: of those, how many must breach */
  readonly datapointsToAlarm: number;
  readonly missing: MissingData;
}

/** Data points beyond N that are looked at, for those of N that are missing. */
export const spare = 2;

/**
 * What state an alarm is in by its data points, oldest first: does each breach? undefined: it is missing. The state before is
 * kept where they do not tell. Source: CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data", with
 * the rows of its tables as tests.
 */
export function judge(points: readonly (boolean | undefined)[], alarm: Judged, before: AlarmState): AlarmState {
  const { evaluationPeriods, datapointsToAlarm, missing } = alarm;
  const real = points.filter((point) => point !== undefined).slice(-evaluationPeriods);
  const breaching = real.filter(Boolean).length;
  const lacking = evaluationPeriods - real.length;
  if (breaching >= datapointsToAlarm) return "ALARM";
  if (lacking === 0) return "OK";
  if (missing === "notBreaching") return "OK";
  if (missing === "breaching") return breaching + lacking >= datapointsToAlarm ? "ALARM" : "OK";
  if (real.length === 0) return missing === "ignore" ? before : "INSUFFICIENT_DATA";
  if (breaching < real.length) return "OK";
  // All there is breaches, but it is too little: only what has lasted long enough is an alarm.
  if (missing === "ignore") return before;
  const oldest = points.length - points.indexOf(true);
  return oldest >= datapointsToAlarm ? "ALARM" : before;
}

const comparisons: Readonly<Record<string, (value: number, threshold: number) => boolean>> = {
  GreaterThanOrEqualToThreshold: (value, threshold) => value >= threshold,
  GreaterThanThreshold: (value, threshold) => value > threshold,
  LessThanThreshold: (value, threshold) => value < threshold,
  LessThanOrEqualToThreshold: (value, threshold) => value <= threshold,
};

/** Undefined: CloudWatch has no such operator, or one for bands only. */
export const comparisonOf = (operator: string) =>
  Object.hasOwn(comparisons, operator) ? comparisons[operator] : undefined;
