/** A metric alarm as PutMetricAlarm takes it: the members that are given here. */
export interface AlarmDefinition {
  readonly AlarmName: string;
  readonly AlarmDescription: string;
  readonly AlarmActions: readonly string[];
  readonly OKActions: readonly string[];
  readonly ComparisonOperator: "GreaterThanThreshold";
  readonly EvaluationPeriods: number;
  readonly Threshold: number;
  readonly TreatMissingData: "notBreaching";
  readonly [member: string]: unknown;
}

/** What all alarms of this command are called: only these are listed and removed by it. */
export const prefix = "thaw-";
const kinds = ["cold-start", "errors", "timeouts"] as const;

/** Of one function; without a name: of all of the account and region together, those that are still to come among them. */
export const namesOf = (functionName: string | undefined): string[] =>
  kinds.map((kind) => `${prefix}${kind}${functionName === undefined ? "" : `-${functionName}`}`);

/**
 * The three alarms: a cold start of more than 500 ms, more than 1 % errors (of the calls of a minute, by metric math), a timeout.
 * Each looks at the last whole minute; a minute without calls is a good one.
 */
export function definitionsOf(functionName: string | undefined, actions: readonly string[]): AlarmDefinition[] {
  const [coldStart, errors, timeouts] = namesOf(functionName) as [string, string, string];
  const of = functionName ?? "any function";
  const Dimensions = functionName === undefined ? [] : [{ Name: "FunctionName", Value: functionName }];
  const common = {
    AlarmActions: actions,
    OKActions: [],
    ComparisonOperator: "GreaterThanThreshold",
    EvaluationPeriods: 1,
    TreatMissingData: "notBreaching",
  } as const;
  const sum = (Id: string, MetricName: string) => ({
    Id,
    ReturnData: false,
    MetricStat: { Metric: { Namespace: "AWS/Lambda", MetricName, Dimensions }, Period: 60, Stat: "Sum" },
  });
  return [
    {
      ...common,
      AlarmName: coldStart,
      AlarmDescription: `A cold start of ${of} took more than 500 ms`,
      Threshold: 500,
      Namespace: "Thaw/Lambda",
      MetricName: "StartDuration",
      Dimensions,
      Statistic: "Maximum",
      Period: 60,
    },
    {
      ...common,
      AlarmName: errors,
      AlarmDescription: `More than 1 % of the calls of ${of} failed`,
      Threshold: 1,
      Metrics: [
        sum("errors", "Errors"),
        sum("calls", "Invocations"),
        { Id: "rate", Label: "errors in %", Expression: "IF(calls > 0, 100 * errors / calls, 0)", ReturnData: true },
      ],
    },
    {
      ...common,
      AlarmName: timeouts,
      AlarmDescription: `A call of ${of} timed out`,
      Threshold: 0,
      Namespace: "Thaw/Lambda",
      MetricName: "Timeouts",
      Dimensions,
      Statistic: "Sum",
      Period: 60,
    },
  ];
}
