import { bounds, type FunctionTotals, type Histogram } from "./totals.ts";

export interface PrometheusNeeds {
  readonly version: string;
  functions(): readonly FunctionTotals[];
  /** environments: the state of each */
  environments(): readonly { readonly state: string }[];
  /** asynchronous events: not over, running, and how many there were of each kind since the start */
  queue(): { readonly waiting: number; readonly running: number; readonly counts: Readonly<Record<string, number>> };
  /** event source mappings: what each has counted since the start */
  sources(): readonly {
    readonly uuid: string;
    readonly functionName: string;
    readonly counts: Readonly<Record<string, number>>;
  }[];
}

/** All that is counted, in Prometheus' text format, version 0.0.4: base units, what has been since the platform started. */
export function prometheusText(needs: PrometheusNeeds): string {
  const functions = needs.functions();
  const of = (one: FunctionTotals) => ({ function: one.name ?? "_other", account: one.account });
  const perFunction = (value: (one: FunctionTotals) => number): Sample[] =>
    functions.map((one) => ({ labels: of(one), value: value(one) }));
  const states = new Map<string, number>();
  for (const { state } of needs.environments()) states.set(state, (states.get(state) ?? 0) + 1);
  const queue = needs.queue();

  return [
    family("thaw_build_info", "gauge", "The version that runs.", [{ labels: { version: needs.version }, value: 1 }]),
    family(
      "thaw_invocations_total",
      "counter",
      "Invocations that ran.",
      perFunction((one) => one.invocations),
    ),
    family(
      "thaw_invocation_errors_total",
      "counter",
      "Invocations whose function failed, timeouts among them.",
      perFunction((one) => one.errors),
    ),
    family(
      "thaw_invocation_timeouts_total",
      "counter",
      "Invocations that took longer than their function may.",
      perFunction((one) => one.timeouts),
    ),
    family(
      "thaw_throttles_total",
      "counter",
      "Invocations that were refused for a concurrency limit.",
      perFunction((one) => one.throttles),
    ),
    family(
      "thaw_invoke_duration_seconds",
      "histogram",
      "How long functions ran, without the start.",
      functions.flatMap((one) => histogram(of(one), one.duration)),
    ),
    family(
      "thaw_start_duration_seconds",
      "histogram",
      "How long starts of execution environments took, by their kind.",
      functions.flatMap((one) => [...one.starts].flatMap(([kind, starts]) => histogram({ ...of(one), kind }, starts))),
    ),
    family(
      "thaw_environments",
      "gauge",
      "Execution environments by state.",
      [...states].map(([state, value]) => ({ labels: { state }, value })),
    ),
    family("thaw_async_events_waiting", "gauge", "Asynchronous events that are not over.", [
      { labels: {}, value: queue.waiting },
    ]),
    family("thaw_async_events_running", "gauge", "Asynchronous events that run now.", [
      { labels: {}, value: queue.running },
    ]),
    family(
      "thaw_async_events_total",
      "counter",
      "Asynchronous events by what became of them.",
      Object.entries(queue.counts).map(([name, value]) => ({ labels: { kind: snake(name) }, value })),
    ),
    family(
      "thaw_source_events_total",
      "counter",
      "Records of event source mappings by what became of them.",
      needs.sources().flatMap(({ uuid, functionName: name, counts }) =>
        Object.entries(counts).map(([kind, value]) => ({
          labels: { mapping: uuid, function: name, kind: snake(kind) },
          value,
        })),
      ),
    ),
  ].join("");
}

interface Sample {
  /** `_bucket`, `_sum` or `_count` of a histogram */
  readonly suffix?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function family(
  name: string,
  type: "counter" | "gauge" | "histogram",
  help: string,
  samples: readonly Sample[],
): string {
  const lines = samples.map(({ suffix = "", labels, value }) => `${name}${suffix}${labelText(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

/** Buckets are cumulative there. */
function histogram(labels: Sample["labels"], { buckets, count, sum }: Histogram): Sample[] {
  let below = 0;
  const samples: Sample[] = bounds.map((bound, at) => {
    below += buckets[at]!;
    return { suffix: "_bucket", labels: { ...labels, le: String(bound / 1e3) }, value: below };
  });
  return [
    ...samples,
    { suffix: "_bucket", labels: { ...labels, le: "+Inf" }, value: count },
    { suffix: "_sum", labels, value: sum / 1e3 },
    { suffix: "_count", labels, value: count },
  ];
}

function labelText(labels: Sample["labels"]): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

const escaped = (value: string): string =>
  value.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));

/** `AsyncEventsReceived` is `async_events_received`. */
const snake = (name: string): string => name.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
