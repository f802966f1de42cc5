import type {
  DescribeAlarmHistoryInput,
  DescribeAlarmsForMetricInput,
  DescribeAlarmsInput,
  PutCompositeAlarmInput,
  PutMetricAlarmInput,
  SetAlarmStateInput,
  Tag,
} from "@aws-sdk/client-cloudwatch";
import type { Named } from "../../../registry/index.ts";
import type { AlarmClock } from "./alarm-clock.ts";
import { comparisonOf } from "./alarm-evaluation.ts";
import { type AlarmRecord, actionsOf, alarmArn, documentName, shownAlarm, withHistory } from "./alarm-records.ts";
import { alarmsOf, parseRule, RuleError } from "./alarm-rule.ts";
import { type CloudWatchCall, type DimensionInput, dimensionsOf, pageOf, type Scope } from "./context.ts";
import { resultsOf } from "./get-metric-data.ts";
import { badCombination, CloudWatchError, missing, validation } from "./model.ts";
import { statisticOf } from "./statistics.ts";

export interface AlarmContext {
  readonly alarms: Named<AlarmRecord>;
  readonly clock: AlarmClock;
}

export type AlarmOperation<Input> = (call: CloudWatchCall<Input>, alarms: AlarmContext) => object;

const find = ({ account, region }: Scope, { alarms }: AlarmContext, name: string) =>
  alarms.get(account, documentName(region, name));

const ofScope = ({ account, region }: Scope, { alarms }: AlarmContext) =>
  alarms.list(account).filter((one) => one.region === region);

function put(
  call: CloudWatchCall<{
    AlarmName?: string | undefined;
    Tags?: Tag[] | undefined;
    ActionsEnabled?: boolean | undefined;
  }>,
  room: AlarmContext,
  kind: "metric" | "composite",
): object {
  const { Tags, ...given } = call.input;
  const { account, region } = call.scope;
  const alarmName = given.AlarmName ?? "";
  const before = find(call.scope, room, alarmName);
  if (before !== undefined && before[kind] === undefined) {
    throw validation(`An alarm of the other kind has the name ${alarmName} already.`);
  }
  const now = call.context.clock();
  const tags = Object.fromEntries((Tags ?? []).map(({ Key = "", Value = "" }) => [Key, Value]));
  const state = before ?? {
    state: "INSUFFICIENT_DATA" as const,
    reason: "Unchecked: Initial alarm creation",
    updated: now,
    transitioned: now,
    tags,
    history: [],
  };
  const name = documentName(region, alarmName);
  const record: AlarmRecord = {
    ...state,
    account,
    name,
    region,
    alarmName,
    [kind]: given,
    actionsEnabled: given.ActionsEnabled ?? true,
    configured: now,
  };
  const summary = `Alarm "${alarmName}" ${before === undefined ? "created" : "updated"}`;
  room.alarms.put(withHistory(record, { at: now, type: "ConfigurationUpdate", summary, data: JSON.stringify(given) }));
  room.clock.begin();
  room.clock.look(account, name);
  return {};
}

/** Source: CloudWatch API Reference, PutMetricAlarm. */
export const putMetricAlarm: AlarmOperation<PutMetricAlarmInput> = (call, room) => {
  const { input } = call;
  const { EvaluationPeriods, DatapointsToAlarm, Period = 60, Metrics, Statistic, ExtendedStatistic } = input;
  if (input.EvaluationCriteria !== undefined || input.ThresholdMetricId !== undefined) {
    throw validation("Thaw has no alarms of PromQL and of anomaly detection.");
  }
  if (EvaluationPeriods === undefined) throw missing("The parameter EvaluationPeriods is required.");
  if (input.Threshold === undefined) throw missing("The parameter Threshold is required.");
  if (comparisonOf(input.ComparisonOperator ?? "") === undefined) {
    throw validation("The parameter ComparisonOperator must be one for a static threshold.");
  }
  if (DatapointsToAlarm !== undefined && DatapointsToAlarm > EvaluationPeriods) {
    throw validation("The parameter DatapointsToAlarm must be less than or equal to EvaluationPeriods.");
  }
  if (!/^(missing|ignore|breaching|notBreaching)$/.test(input.TreatMissingData ?? "missing")) {
    throw validation("Value for TreatMissingData must be one of breaching, notBreaching, ignore, missing.");
  }
  if (Metrics !== undefined && Metrics.length > 0) {
    if (input.MetricName !== undefined || Statistic !== undefined || ExtendedStatistic !== undefined) {
      throw badCombination("MetricName, Statistic and ExtendedStatistic must not be set where Metrics is.");
    }
    if (Metrics.filter(({ ReturnData }) => ReturnData !== false).length !== 1) {
      throw validation("Exactly one element of the metrics list should return data.");
    }
    // What cannot be computed is found now, and not each minute.
    const to = call.context.clock();
    resultsOf(call.context, call.scope, { queries: Metrics, from: to - 60_000, to });
    return put(call, room, "metric");
  }
  if (input.MetricName === undefined || input.Namespace === undefined) {
    throw missing("The parameters MetricName and Namespace are required.");
  }
  if ((Statistic === undefined) === (ExtendedStatistic === undefined)) {
    throw badCombination("Exactly one of Statistic and ExtendedStatistic must be set.");
  }
  if (statisticOf(Statistic ?? ExtendedStatistic ?? "") === undefined) {
    throw validation(`The value ${ExtendedStatistic} for parameter ExtendedStatistic is not supported.`);
  }
  if (input.Period === undefined) throw missing("The parameter Period is required.");
  const long = Period * EvaluationPeriods > (Period >= 3600 ? 7 * 86_400 : 86_400);
  if (long)
    throw validation("Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).");
  return put(call, room, "metric");
};

export const putCompositeAlarm: AlarmOperation<PutCompositeAlarmInput> = (call, room) => {
  const { AlarmName = "", AlarmRule = "", ActionsSuppressor } = call.input;
  if (ActionsSuppressor !== undefined) throw validation("Thaw has no suppressors of actions.");
  try {
    const named = alarmsOf(parseRule(AlarmRule));
    const unknown = named.find((name) => name === AlarmName || find(call.scope, room, name) === undefined);
    if (unknown !== undefined) throw new RuleError(`there is no other alarm "${unknown}"`);
  } catch (error) {
    if (error instanceof RuleError) throw validation(`AlarmRule must not contain any syntax errors: ${error.message}`);
    throw error;
  }
  return put(call, room, "composite");
};

export const describeAlarms: AlarmOperation<DescribeAlarmsInput> = ({ input, scope }, room) => {
  const { AlarmNames, AlarmNamePrefix = "", AlarmTypes = ["MetricAlarm"], StateValue, ActionPrefix = "" } = input;
  const found = ofScope(scope, room).filter((one) => {
    if (AlarmNames !== undefined && !AlarmNames.includes(one.alarmName)) return false;
    if (!one.alarmName.startsWith(AlarmNamePrefix)) return false;
    if (StateValue !== undefined && one.state !== StateValue) return false;
    if (ActionPrefix !== "" && !actionsOf(one).some((action) => action.startsWith(ActionPrefix))) return false;
    // Without types, only those of metrics: clients that know of no others expect that.
    return AlarmTypes.includes(one.metric === undefined ? "CompositeAlarm" : "MetricAlarm");
  });
  const { items, next } = pageOf(found, input.NextToken, input.MaxRecords ?? 50);
  return {
    MetricAlarms: items.filter(({ metric }) => metric !== undefined).map(shownAlarm),
    CompositeAlarms: items.filter(({ metric }) => metric === undefined).map(shownAlarm),
    NextToken: next,
  };
};

export const describeAlarmsForMetric: AlarmOperation<DescribeAlarmsForMetricInput> = ({ input, scope }, room) => {
  const key = (given: readonly DimensionInput[] | undefined) => JSON.stringify(dimensionsOf(given));
  const found = ofScope(scope, room).filter(({ metric }) => {
    if (metric?.MetricName !== input.MetricName || metric?.Namespace !== input.Namespace) return false;
    if (input.Statistic !== undefined && metric?.Statistic !== input.Statistic) return false;
    if (input.Period !== undefined && metric?.Period !== input.Period) return false;
    return key(metric?.Dimensions as DimensionInput[]) === key(input.Dimensions as DimensionInput[]);
  });
  return { MetricAlarms: found.map(shownAlarm) };
};

type Seconds = Omit<DescribeAlarmHistoryInput, "StartDate" | "EndDate"> & { StartDate?: number; EndDate?: number };

export const describeAlarmHistory: AlarmOperation<Seconds> = ({ input, scope }, room) => {
  const { AlarmName, HistoryItemType, StartDate = 0, EndDate = Number.POSITIVE_INFINITY, ScanBy } = input;
  const items = ofScope(scope, room)
    .filter(({ alarmName }) => AlarmName === undefined || alarmName === AlarmName)
    .flatMap((record) => record.history.map((item) => ({ record, item })))
    .filter(({ item }) => HistoryItemType === undefined || item.type === HistoryItemType)
    .filter(({ item }) => item.at >= StartDate * 1e3 && item.at <= EndDate * 1e3)
    .sort((one, other) => other.item.at - one.item.at);
  if (ScanBy === "TimestampAscending") items.reverse();
  const page = pageOf(items, input.NextToken, input.MaxRecords ?? 100);
  const AlarmHistoryItems = page.items.map(({ record, item }) => ({
    AlarmName: record.alarmName,
    AlarmType: record.metric === undefined ? "CompositeAlarm" : "MetricAlarm",
    Timestamp: new Date(item.at),
    HistoryItemType: item.type,
    HistorySummary: item.summary,
    HistoryData: item.data,
  }));
  return { AlarmHistoryItems, NextToken: page.next };
};

export const setAlarmState: AlarmOperation<SetAlarmStateInput> = ({ input, scope }, room) => {
  const record = find(scope, room, input.AlarmName ?? "");
  if (record === undefined) throw new CloudWatchError("ResourceNotFound", "");
  try {
    if (input.StateReasonData !== undefined) JSON.parse(input.StateReasonData);
  } catch {
    throw new CloudWatchError("InvalidFormatFault", "StateReasonData is no JSON");
  }
  room.clock.change(record, input.StateValue ?? "OK", input.StateReason ?? "", input.StateReasonData);
  return {};
};

interface Names {
  readonly AlarmNames?: readonly string[];
}

export const deleteAlarms: AlarmOperation<Names> = ({ input: { AlarmNames = [] }, scope }, room) => {
  if (AlarmNames.some((name) => find(scope, room, name) === undefined))
    throw new CloudWatchError("ResourceNotFound", "");
  for (const name of AlarmNames) room.alarms.remove(scope.account, documentName(scope.region, name));
  return {};
};

const switched =
  (actionsEnabled: boolean): AlarmOperation<Names> =>
  ({ input, scope }, room) => {
    for (const name of input.AlarmNames ?? []) {
      const record = find(scope, room, name);
      if (record !== undefined) room.alarms.put({ ...record, actionsEnabled });
    }
    return {};
  };

export const enableAlarmActions = switched(true);
export const disableAlarmActions = switched(false);

interface OfResource {
  readonly ResourceARN?: string;
  readonly Tags?: readonly Tag[];
  readonly TagKeys?: readonly string[];
}

function tagged({ input, scope }: CloudWatchCall<OfResource>, room: AlarmContext): AlarmRecord {
  const record = ofScope(scope, room).find((one) => alarmArn(one, one.alarmName) === input.ResourceARN);
  if (record === undefined)
    throw new CloudWatchError("ResourceNotFoundException", `${input.ResourceARN} does not exist`);
  return record;
}

export const listTagsForResource: AlarmOperation<OfResource> = (call, room) => ({
  Tags: Object.entries(tagged(call, room).tags).map(([Key, Value]) => ({ Key, Value })),
});

export const tagResource: AlarmOperation<OfResource> = (call, room) => {
  const record = tagged(call, room);
  const more = Object.fromEntries((call.input.Tags ?? []).map(({ Key = "", Value = "" }) => [Key, Value]));
  room.alarms.put({ ...record, tags: { ...record.tags, ...more } });
  return {};
};

export const untagResource: AlarmOperation<OfResource> = (call, room) => {
  const record = tagged(call, room);
  const left = Object.entries(record.tags).filter(([key]) => call.input.TagKeys?.includes(key) !== true);
  room.alarms.put({ ...record, tags: Object.fromEntries(left) });
  return {};
};
