import { askService } from "../api.ts";
import { Card, Command, Empty, Problem, usePolled } from "../parts/bits.tsx";

interface Alarm {
  readonly AlarmName: string;
  readonly AlarmDescription?: string;
  readonly StateValue?: string;
  readonly StateReason?: string;
  readonly StateUpdatedTimestamp?: number;
  readonly MetricName?: string;
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
            Be told when a function fails.
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
                  <tr key={alarm.AlarmName}>
                    <td class="wrap">
                      {alarm.AlarmName}
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
    </>
  );
}

function conditionOf({ AlarmRule, MetricName, ComparisonOperator = "", Threshold }: Alarm): string {
  if (AlarmRule !== undefined) return AlarmRule;
  return `${MetricName ?? "expression"} ${signs[ComparisonOperator] ?? ComparisonOperator} ${Threshold ?? ""}`;
}
