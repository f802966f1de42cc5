import { signal } from "@preact/signals";
import { ahead } from "../live.ts";
import { type Dimension, loadPoints, type Points, type Query, type Range, ranges } from "../metrics.ts";
import { kindWords, ms, whole } from "../words.ts";
import { Problem, usePolled } from "./bits.tsx";
import { Chart, type Line } from "./chart.tsx";

/** What is looked at, on every page alike. */
export const range = signal<Range>(ranges[0]);
/** where the reader points at */
export const pointedAt = signal<number | undefined>(undefined);

type Wanted = Omit<Line, "points"> & { readonly query: Query };

export interface Panel {
  readonly title: string;
  readonly format: (value: number) => string;
  readonly lines: readonly Wanted[];
  /** from here on it is too much */
  readonly threshold?: number;
}

const plain = (value: number): string => (value < 10 && value % 1 !== 0 ? value.toFixed(1) : whole(value));

const aws = "AWS/Lambda";
const thaw = "Thaw/Lambda";

/** The panels of all functions together, or of one. */
export function panelsOf(name: string | undefined): readonly Panel[] {
  const Dimensions: readonly Dimension[] = name === undefined ? [] : [{ Name: "FunctionName", Value: name }];
  const of = (Namespace: string, MetricName: string, stat: string): Query => ({
    Namespace,
    MetricName,
    Dimensions,
    stat,
  });
  /** of what is kept by function only */
  const each = (query: Query, fold: "SUM" | "MAX", by: readonly string[] = ["FunctionName"]): Query =>
    name === undefined ? { ...query, over: { fold, by } } : query;
  const startsOf = (kind: string): Query => {
    const query = of(thaw, "StartDuration", "SampleCount");
    const ofKind = { ...query, Dimensions: [...Dimensions, { Name: "StartKind", Value: kind }] };
    return each(ofKind, "SUM", ["FunctionName", "StartKind"]);
  };
  const counted = (line: Omit<Wanted, "counts">): Wanted => ({ ...line, counts: true });
  return [
    {
      title: "Calls",
      format: plain,
      lines: [
        counted({ name: "calls", colour: "--run", area: true, query: of(aws, "Invocations", "Sum") }),
        counted({ name: "errors", colour: "--bad", query: of(aws, "Errors", "Sum") }),
      ],
    },
    {
      title: "Duration of the handler",
      format: ms,
      lines: [
        { name: "median", colour: "--run", query: of(aws, "Duration", "p50") },
        { name: "p99", colour: "--run", dashed: true, query: of(aws, "Duration", "p99") },
      ],
    },
    {
      title: "Starts",
      format: plain,
      lines: (["restore", "pool", "plain"] as const).map((kind) =>
        counted({
          name: kindWords[kind].name.toLowerCase(),
          colour: kind === "pool" ? "--runtime" : `--${kind}`,
          query: startsOf(kind),
        }),
      ),
    },
    {
      title: "Time of a start",
      format: ms,
      lines: [
        { name: "median", colour: "--accent", query: of(thaw, "StartDuration", "p50") },
        { name: "p99", colour: "--accent", dashed: true, query: of(thaw, "StartDuration", "p99") },
      ],
    },
    {
      title: "At once",
      format: plain,
      lines: [
        { name: "most at once", colour: "--run", area: true, query: of(aws, "ConcurrentExecutions", "Maximum") },
        {
          name: "on provisioned",
          colour: "--text",
          dashed: true,
          query: each(of(aws, "ProvisionedConcurrentExecutions", "Maximum"), "SUM"),
        },
      ],
    },
    {
      title: "Let down",
      format: plain,
      lines: [
        counted({ name: "timed out", colour: "--bad", area: true, query: of(thaw, "Timeouts", "Sum") }),
        counted({ name: "throttled", colour: "--platform", dashed: true, query: of(aws, "Throttles", "Sum") }),
      ],
    },
    {
      title: "Without anybody waiting",
      format: plain,
      lines: [
        counted({
          name: "received",
          colour: "--run",
          area: true,
          query: each(of(aws, "AsyncEventsReceived", "Sum"), "SUM"),
        }),
        counted({ name: "dropped", colour: "--bad", query: each(of(aws, "AsyncEventsDropped", "Sum"), "SUM") }),
      ],
    },
    {
      title: "Age of what is read from streams",
      format: ms,
      lines: [{ name: "oldest", colour: "--accent", query: each(of(aws, "IteratorAge", "Maximum"), "MAX") }],
    },
  ];
}

/** Charts of some panels, over the same time. */
export function Panels({ of, on }: { of: readonly Panel[]; on: readonly unknown[] }) {
  const chosen = range.value;
  const loaded = usePolled(
    async () => {
      const now = Date.now() + ahead.value;
      const points = await loadPoints(
        of.flatMap(({ lines }) => lines.map(({ query }) => query)),
        chosen,
        now,
      );
      return { points, to: Math.floor(now / 1000 / chosen.period) * chosen.period * 1000, range: chosen };
    },
    10_000,
    [chosen, ...on],
  );
  const { points, to, range: of_ } = loaded.value ?? { points: undefined, to: Date.now(), range: chosen };
  let next = 0;
  const take = (): Points => points?.[next++] ?? [];
  return (
    <>
      <Problem text={loaded.problem} />
      <div class="charts">
        {of.map(({ title, format, lines, threshold }) => (
          <Chart
            key={title}
            title={title}
            format={format}
            lines={lines.map(({ query: _, ...line }) => ({ ...line, points: take() }))}
            from={to - of_.seconds * 1000}
            to={to}
            periodMs={of_.period * 1000}
            at={pointedAt}
            {...(threshold === undefined ? {} : { threshold })}
          />
        ))}
      </div>
    </>
  );
}

/** How far back the charts look. */
export function RangeChoice() {
  return (
    <fieldset class="segments">
      <legend class="sr">How far back</legend>
      {ranges.map((each) => (
        <label key={each.name}>
          <input
            type="radio"
            name="range"
            checked={each === range.value}
            onChange={() => {
              range.value = each;
            }}
          />
          <span>{each.name}</span>
        </label>
      ))}
    </fieldset>
  );
}
