import { useSignal } from "@preact/signals";
import { askService } from "../api.ts";
import type { Dimension } from "../metrics.ts";
import { Card, Command, Empty, Problem, usePolled } from "../parts/bits.tsx";
import { Panels, RangeChoice } from "../parts/panels.tsx";
import { whole } from "../words.ts";

interface Alarm {
  readonly AlarmName: string;
  readonly AlarmDescription?: string;
  readonly StateValue?: string;
  readonly StateReason?: string;
  readonly StateUpdatedTimestamp?: number;
  readonly Namespace?: string;
  readonly MetricName?: string;
  readonly Dimensions?: readonly Dimension[];
  readonly Statistic?: string;
  readonly ExtendedStatistic?: string;
  readonly Threshold?: number;
  readonly ComparisonOperator?: string;
  readonly AlarmRule?: string;
}

interface Described {
  readonly MetricAlarms?: readonly Alarm[];
  readonly CompositeAlarms?: readonly Alarm[];
}

async function load(): Promise<readonly Alarm[]> {
  const target = "GraniteServiceVersion20100801.DescribeAlarms";
  const body = { AlarmTypes: ["MetricAlarm", "CompositeAlarm"] };
  const { MetricAlarms = [], CompositeAlarms = [] } = await askService<Described>("monitoring", target, body);
  return [...MetricAlarms, ...CompositeAlarms].sort((one, other) => urgency(one) - urgency(other));
}

interface Change {
  readonly Timestamp: number;
  readonly HistorySummary: string;
}

async function loadHistory(AlarmName: string): Promise<readonly Change[]> {
  const target = "GraniteServiceVersion20100801.DescribeAlarmHistory";
  const body = { AlarmName, MaxRecords: 20, ScanBy: "TimestampDescending" };
  const { AlarmHistoryItems = [] } = await askService<{ AlarmHistoryItems?: Change[] }>("monitoring", target, body);
  return AlarmHistoryItems;
}

const order = ["ALARM", "INSUFFICIENT_DATA", "OK"];
const urgency = ({ StateValue = "" }: Alarm): number => order.indexOf(StateValue);
const stateWords: Readonly<Record<string, string>> = { ALARM: "Alarm", OK: "OK", INSUFFICIENT_DATA: "Too little data" };
const tones: Readonly<Record<string, string>> = { ALARM: "bad problem", OK: "on" };
const signs: Readonly<Record<string, string>> = {
  GreaterThanThreshold: ">",
  GreaterThanOrEqualToThreshold: "≥",
  LessThanThreshold: "<",
  LessThanOrEqualToThreshold: "≤",
};

/** Alarms of CloudWatch, the loudest first. */
export function AlarmsPage() {
  const alarms = usePolled(load, 3000);
  const chosen = useSignal<string | undefined>(undefined);
  const one = alarms.value?.find(({ AlarmName }) => AlarmName === chosen.value) ?? alarms.value?.[0];
  return (
    <>
      <div class="title">
        <div>
          <h1>Alarms</h1>
          <p>What is watched for you. They are looked at every five seconds, by the minutes that are over.</p>
        </div>
      </div>
      <Card>
        <Problem text={alarms.problem} />
        {alarms.value?.length === 0 ? (
          <Empty title="Nothing is watched yet">
            Three alarms that everybody wants (a cold start over 500 ms, more than 1 % errors, a timeout), or one of
            your own.
            <Command text="thaw alarms install" />
            <Command text="aws cloudwatch put-metric-alarm --alarm-name errors --namespace AWS/Lambda --metric-name Errors --statistic Sum --period 60 --evaluation-periods 1 --threshold 0 --comparison-operator GreaterThanThreshold" />
          </Empty>
        ) : (
          <div class="scroll">
            <table>
              <thead>
                <tr>
                  <th>Alarm</th>
                  <th>State</th>
                  <th>When</th>
                  <th>Why</th>
                </tr>
              </thead>
              <tbody>
                {(alarms.value ?? []).map((alarm) => (
                  <tr key={alarm.AlarmName} {...(alarm === one ? { "data-chosen": "" } : {})}>
                    <td class="wrap">
                      <button
                        type="button"
                        class="link"
                        aria-pressed={alarm === one}
                        onClick={() => {
                          chosen.value = alarm.AlarmName;
                        }}
                      >
                        {alarm.AlarmName}
                      </button>
                      {alarm.AlarmDescription && <p class="soft">{alarm.AlarmDescription}</p>}
                    </td>
                    <td>
                      <span class={`pill ${tones[alarm.StateValue ?? ""] ?? ""}`}>
                        <i aria-hidden="true" />
                        {stateWords[alarm.StateValue ?? ""] ?? alarm.StateValue}
                      </span>
                    </td>
                    <td class="wrap">{conditionOf(alarm)}</td>
                    <td class="wrap soft">{alarm.StateReason}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Card>
      {one && <Story key={one.AlarmName} of={one} />}
    </>
  );
}

/** What an alarm watches, as a chart with its threshold, and what became of it. */
function Story({ of }: { of: Alarm }) {
  const { AlarmName, Namespace, MetricName, Dimensions = [], Threshold, Statistic, ExtendedStatistic } = of;
  const history = usePolled(() => loadHistory(AlarmName), 5000, [AlarmName]);
  const stat = Statistic ?? ExtendedStatistic;
  return (
    <div class="columns">
      {Namespace !== undefined && MetricName !== undefined && stat !== undefined && (
        <Card title="What it watches" aside={<RangeChoice />}>
          <Panels
            of={[
              {
                title: `${MetricName}, ${stat}`,
                format: (value) => (value < 10 && value % 1 !== 0 ? value.toFixed(2) : whole(value)),
                ...(Threshold === undefined ? {} : { threshold: Threshold }),
                lines: [
                  {
                    name: MetricName,
                    colour: "--accent",
                    area: true,
                    query: { Namespace, MetricName, Dimensions, stat },
                  },
                ],
              },
            ]}
            on={[AlarmName]}
          />
        </Card>
      )}
      <Card title="What became of it">
        <Problem text={history.problem} />
        {history.value?.length === 0 && <p class="soft">Nothing yet.</p>}
        <ul class="plain">
          {(history.value ?? []).map(({ Timestamp, HistorySummary }) => (
            <li key={`${Timestamp} ${HistorySummary}`}>
              <small class="soft">{new Date(Timestamp * 1000).toLocaleString("en-GB")}</small> {HistorySummary}
            </li>
          ))}
        </ul>
      </Card>
    </div>
  );
}

function conditionOf({ AlarmRule, MetricName, ComparisonOperator = "", Threshold }: Alarm): string {
  if (AlarmRule !== undefined) return AlarmRule;
  return `${MetricName ?? "expression"} ${signs[ComparisonOperator] ?? ComparisonOperator} ${Threshold ?? ""}`;
}
