import type { Named } from "../../../registry/index.ts";
import type { AlarmActions } from "./alarm-actions.ts";
import { type AlarmState, comparisonOf, judge, type MissingData, spare } from "./alarm-evaluation.ts";
import { type AlarmRecord, documentName, withHistory } from "./alarm-records.ts";
import { holds, parseRule } from "./alarm-rule.ts";
import type { CloudWatchContext } from "./context.ts";
import { resultsOf } from "./get-metric-data.ts";

export interface AlarmClockNeeds {
  readonly context: CloudWatchContext;
  readonly alarms: Named<AlarmRecord>;
  readonly actions: AlarmActions;
  report(error: unknown): void;
}

export interface AlarmClock {
  /** Looks at all alarms, now and every few seconds. */
  begin(): void;
  /** Looks at one, now. */
  look(account: string, name: string): void;
  /** Changes a state, and has done what follows from it. */
  change(record: AlarmRecord, state: AlarmState, reason: string, reasonData?: string): void;
  stop(): void;
}

const tickMs = 5000;
const minuteMs = 60_000;

/** Keeps alarms in the states that their metrics, or other alarms, give them. */
export function createAlarmClock(needs: AlarmClockNeeds): AlarmClock {
  const { context, alarms, actions, report } = needs;
  let timer: NodeJS.Timeout | undefined;

  function tick(): void {
    actions.pay();
    for (const record of [...alarms.everything()]) if (record.metric !== undefined) evaluate(record);
    for (const record of [...alarms.everything()]) if (record.composite !== undefined) evaluate(record);
  }

  function evaluate(record: AlarmRecord): void {
    try {
      if (record.composite !== undefined) evaluateComposite(record);
      else evaluateMetric(record);
    } catch (error) {
      report(error);
    }
  }

  function evaluateMetric(record: AlarmRecord): void {
    const alarm = record.metric!;
    const { EvaluationPeriods = 1, DatapointsToAlarm = EvaluationPeriods, Threshold = 0 } = alarm;
    const breaches = comparisonOf(alarm.ComparisonOperator ?? "");
    if (breaches === undefined) return;
    const { period, points } = pointsOf(record, EvaluationPeriods + spare);
    const missing = (alarm.TreatMissingData ?? "missing") as MissingData;
    const judged = { evaluationPeriods: EvaluationPeriods, datapointsToAlarm: DatapointsToAlarm, missing };
    const breaching = points.map((value) => (value === undefined ? undefined : breaches(value, Threshold)));
    const state = judge(breaching, judged, record.state);
    if (state === record.state) return;
    const real = points.filter((value) => value !== undefined).slice(-EvaluationPeriods);
    const count = breaching.filter(Boolean).length;
    const reason =
      real.length === 0
        ? withoutData(state, EvaluationPeriods)
        : `Threshold Crossed: ${count} out of the last ${real.length} datapoints [${real.join(", ")}] ${state === "ALARM" ? "were" : "were not all"} ${phrases[alarm.ComparisonOperator ?? ""]} the threshold (${Threshold}).`;
    const data = { version: "1.0", queryDate: new Date(context.clock()).toISOString(), recentDatapoints: real };
    change(record, state, reason, JSON.stringify({ ...data, period, threshold: Threshold }));
  }

  /** The latest whole periods, oldest first; they end with the last whole minute. */
  function pointsOf(record: AlarmRecord, count: number): { period: number; points: (number | undefined)[] } {
    const alarm = record.metric!;
    const stat = { Metric: alarm, Period: alarm.Period ?? 60, Stat: alarm.Statistic ?? alarm.ExtendedStatistic };
    const queries = alarm.Metrics?.length
      ? alarm.Metrics
      : [{ Id: "m1", MetricStat: { ...stat, Unit: alarm.Unit }, ReturnData: true }];
    const periods = queries.map((query) => query.MetricStat?.Period ?? query.Period ?? 60);
    const period = Math.max(60, ...periods);
    const to = Math.floor(context.clock() / minuteMs) * minuteMs;
    const from = to - count * period * 1e3;
    const results = resultsOf(context, record, { queries, from, to, origin: to });
    const values = results[0]?.series.values ?? new Map<number, number>();
    return { period, points: Array.from({ length: count }, (_, at) => values.get(from + at * period * 1e3)) };
  }

  function evaluateComposite(record: AlarmRecord): void {
    const stateOf = (name: string) => alarms.get(record.account, documentName(record.region, name))?.state;
    const state = holds(parseRule(record.composite?.AlarmRule ?? ""), stateOf) ? "ALARM" : "OK";
    if (state === record.state) return;
    change(record, state, `The rule ${record.composite?.AlarmRule} is ${state === "ALARM"}.`);
  }

  function change(before: AlarmRecord, state: AlarmState, reason: string, reasonData?: string): void {
    const now = context.clock();
    const moved = { ...before, state, reason, reasonData, updated: now };
    const transitioned = state === before.state ? before.transitioned : now;
    const history = { oldState: summaryOf(before), newState: summaryOf(moved) };
    const summary = `Alarm updated from ${before.state} to ${state}`;
    const after = withHistory(
      { ...moved, transitioned },
      { at: now, type: "StateUpdate", summary, data: JSON.stringify(history) },
    );
    const tells = after.actionsEnabled && state !== before.state;
    context.registry.together(() => {
      alarms.put(after);
      if (tells) actions.owe(before, after);
    });
    actions.pay();
  }

  return {
    begin() {
      timer ??= setInterval(tick, tickMs).unref();
      actions.pay();
    },
    look(account, name) {
      const record = alarms.get(account, name);
      if (record !== undefined) evaluate(record);
    },
    change,
    stop() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}

/** Why it is in this state though there was nothing to look at, as AWS says it. */
function withoutData(state: AlarmState, periods: number): string {
  if (state === "INSUFFICIENT_DATA") return "Insufficient Data: no datapoints were received";
  const [noun, verb] = periods === 1 ? ["", "was"] : ["s", "were"];
  const treated = state === "ALARM" ? "Breaching" : "NonBreaching";
  return `Threshold Crossed: no datapoints were received for ${periods} period${noun} and ${periods} missing datapoint${noun} ${verb} treated as [${treated}].`;
}

const phrases: Readonly<Record<string, string>> = {
  GreaterThanOrEqualToThreshold: "greater than or equal to",
  GreaterThanThreshold: "greater than",
  LessThanThreshold: "less than",
  LessThanOrEqualToThreshold: "less than or equal to",
};

const summaryOf = ({ state, reason, reasonData }: AlarmRecord) => ({
  stateValue: state,
  stateReason: reason,
  ...(reasonData === undefined ? {} : { stateReasonData: JSON.parse(reasonData) as unknown }),
});
