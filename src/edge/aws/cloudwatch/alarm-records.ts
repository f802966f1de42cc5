import type {
  CompositeAlarm,
  MetricAlarm,
  PutCompositeAlarmInput,
  PutMetricAlarmInput,
} from "@aws-sdk/client-cloudwatch";
import type { NamedDocument } from "../../../registry/index.ts";
import type { AlarmState } from "./alarm-evaluation.ts";
import type { Scope } from "./context.ts";

export interface HistoryItem {
  /** ms since the epoch */
  readonly at: number;
  readonly type: "ConfigurationUpdate" | "StateUpdate" | "Action";
  readonly summary: string;
  /** JSON */
  readonly data: string;
}

/** An alarm, kept under `{region}/{its name}`. */
export interface AlarmRecord extends NamedDocument {
  readonly region: string;
  readonly alarmName: string;
  /** one of the two, as it was put */
  readonly metric?: Omit<PutMetricAlarmInput, "Tags"> | undefined;
  readonly composite?: Omit<PutCompositeAlarmInput, "Tags"> | undefined;
  readonly actionsEnabled: boolean;
  readonly tags: Readonly<Record<string, string>>;
  readonly state: AlarmState;
  readonly reason: string;
  /** JSON */
  readonly reasonData?: string | undefined;
  /** ms since the epoch */
  readonly configured: number;
  readonly updated: number;
  readonly transitioned: number;
  /** newest first, the last few */
  readonly history: readonly HistoryItem[];
}

export const documentName = (region: string, alarmName: string): string => `${region}/${alarmName}`;

export const alarmArn = ({ account, region }: Scope, name: string): string =>
  `arn:aws:cloudwatch:${region}:${account}:alarm:${name}`;

/** Actions of the state that it is in. */
export function actionsOf({ metric, composite, state }: AlarmRecord): readonly string[] {
  const { OKActions = [], AlarmActions = [], InsufficientDataActions = [] } = metric ?? composite ?? {};
  return { OK: OKActions, ALARM: AlarmActions, INSUFFICIENT_DATA: InsufficientDataActions }[state];
}

const most = 50;

export const withHistory = (record: AlarmRecord, item: HistoryItem): AlarmRecord => ({
  ...record,
  history: [item, ...record.history].slice(0, most),
});

/** As DescribeAlarms has it. */
export function shownAlarm(record: AlarmRecord): MetricAlarm | CompositeAlarm {
  const {
    OKActions = [],
    AlarmActions = [],
    InsufficientDataActions = [],
    ...given
  } = record.metric ?? record.composite!;
  return {
    ...given,
    ...("Metrics" in given || record.composite !== undefined ? {} : { Dimensions: record.metric?.Dimensions ?? [] }),
    AlarmArn: alarmArn(record, record.alarmName),
    AlarmConfigurationUpdatedTimestamp: new Date(record.configured),
    ActionsEnabled: record.actionsEnabled,
    OKActions,
    AlarmActions,
    InsufficientDataActions,
    StateValue: record.state,
    StateReason: record.reason,
    ...(record.reasonData === undefined ? {} : { StateReasonData: record.reasonData }),
    StateUpdatedTimestamp: new Date(record.updated),
    StateTransitionedTimestamp: new Date(record.transitioned),
  };
}
