import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { functionNames } from "../functions.ts";
import { listMetrics, type Metric } from "../metrics.ts";
import { Card, Command, Empty, Problem, usePolled } from "../parts/bits.tsx";
import { type Panel, Panels, panelsOf, RangeChoice } from "../parts/panels.tsx";
import { whole } from "../words.ts";

const statistics = ["Sum", "Average", "Minimum", "Maximum", "SampleCount", "p50", "p90", "p99"] as const;

/** CloudWatch's metrics: what is measured of every function, and what functions measure themselves. */
export function MetricsPage() {
  const name = useSignal("");
  useEffect(() => void functionNames.load(), []);
  const of = name.value === "" ? undefined : name.value;
  return (
    <>
      <div class="title">
        <div>
          <h1>Metrics</h1>
          <p>The same as CloudWatch's API gives: by the minute for fifteen days, coarser for fifteen months.</p>
        </div>
        <div class="controls">
          <select
            aria-label="Function"
            value={name.value}
            onChange={(event) => {
              name.value = event.currentTarget.value;
            }}
          >
            <option value="">All functions</option>
            {functionNames.list.value.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
          <RangeChoice />
        </div>
      </div>
      <Card>
        <Panels of={panelsOf(of)} on={[of]} />
      </Card>
      <AnyMetric />
    </>
  );
}

/** One metric of any namespace. */
function AnyMetric() {
  const metrics = usePolled(listMetrics, 20_000);
  const chosen = useSignal<string | undefined>(undefined);
  const statistic = useSignal<string>("Sum");
  const all = (metrics.value ?? []).map((metric) => ({ metric, label: labelOf(metric) }));
  // One's own come first: the platform's are above.
  all.sort((one, other) => rank(one.metric) - rank(other.metric) || one.label.localeCompare(other.label));
  const one = all.find(({ label }) => label === chosen.value) ?? all[0];
  return (
    <Card title="Any metric" aside={<span>{whole(all.length)} are kept</span>}>
      <Problem text={metrics.problem} />
      {one === undefined ? (
        metrics.value && (
          <Empty title="Nothing was measured yet">
            Functions that are called are measured. What they print in the embedded metric format is kept, too, and what
            anybody sends:
            <Command text="aws cloudwatch put-metric-data --namespace Shop --metric-name Orders --value 1" />
          </Empty>
        )
      ) : (
        <>
          <div class="actions">
            <select
              aria-label="Metric"
              class="long"
              value={one.label}
              onChange={(event) => {
                chosen.value = event.currentTarget.value;
              }}
            >
              {all.map(({ label }) => (
                <option key={label}>{label}</option>
              ))}
            </select>
            <select
              aria-label="Statistic"
              value={statistic.value}
              onChange={(event) => {
                statistic.value = event.currentTarget.value;
              }}
            >
              {statistics.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
          </div>
          <Panels of={[panelOf(one.metric, statistic.value)]} on={[one.label, statistic.value]} />
        </>
      )}
    </Card>
  );
}

function panelOf(metric: Metric, stat: string): Panel {
  const format = (value: number) => (Math.abs(value) < 10 && value % 1 !== 0 ? value.toFixed(2) : whole(value));
  const { Namespace, MetricName, Dimensions = [] } = metric;
  const line = { name: stat, colour: "--accent", area: true, query: { Namespace, MetricName, Dimensions, stat } };
  return { title: MetricName, format, lines: [line] };
}

const rank = ({ Namespace }: Metric): number => (/^(AWS|Thaw)\//.test(Namespace) ? 1 : 0);

function labelOf({ Namespace, MetricName, Dimensions = [] }: Metric): string {
  const of = Dimensions.map(({ Value }) => Value).join(", ");
  return `${Namespace} · ${MetricName}${of === "" ? "" : ` · ${of}`}`;
}
