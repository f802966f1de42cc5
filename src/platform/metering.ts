import { join } from "node:path";
import type { Config } from "../config.ts";
import {
  createFunctionMetrics,
  createMetrics,
  embeddedMetrics,
  type FunctionMetrics,
  lambdaNamespace,
  type Metrics,
} from "../observe/index.ts";
import type { MappingRecord } from "../registry/index.ts";
import type { Reporting } from "./stores.ts";

export interface MeteringNeeds extends Reporting {
  /** executions that functions have reserved or provisioned */
  claimed(of: { readonly account: string; readonly region: string }): number;
}

/** The store of metrics, and those who count for it. */
export function createMetering(config: Config, { clock, note, report, claimed }: MeteringNeeds) {
  const metrics = createMetrics({ path: join(config.dataDir, "metrics.sqlite"), clock, note, report });
  const functions = createFunctionMetrics({
    metrics: config.metrics === "on" ? metrics : { ...metrics, collect: () => {} },
    clock,
    claimed,
  });
  /** Takes metrics that a line of a function's log carries. */
  const embedded = ({ account, region }: { account: string; region: string }, message: string) => {
    for (const { series, at, sketch } of embeddedMetrics(message, clock())) {
      metrics.putSketch({ account, region, ...series }, at, sketch);
    }
  };
  const isOn = config.metrics === "on";
  return {
    metrics,
    embedded,
    functions: isOn ? functions : uncounted(functions),
    /** Told of every answer of a function URL. */
    urlAnswered: isOn ? meterUrls(functions, metrics, clock) : undefined,
  };
}

interface AnsweredUrl {
  readonly account: string;
  readonly region: string;
  readonly name: string;
  /** the alias that the URL is of */
  readonly qualifier: string | undefined;
}

/** What function URLs have answered. Source: Lambda Developer Guide, "Monitoring Lambda function URLs". */
function meterUrls({ count }: FunctionMetrics, metrics: Pick<Metrics, "put">, clock: () => number) {
  return (of: AnsweredUrl, status: number, ms: number) => {
    const { account, region, name, qualifier } = of;
    const put = (metric: string, value: number, unit = "Count") => {
      count(of, metric, value, { unit });
      if (qualifier === undefined) return;
      // Beside the function's own, and not once more in its totals.
      const dimensions = [
        { name: "FunctionName", value: name },
        { name: "Resource", value: `${name}:${qualifier}` },
      ];
      metrics.put({ account, region, namespace: lambdaNamespace, name: metric, dimensions, unit }, clock(), value);
    };
    put("UrlRequestCount", 1);
    put("UrlRequestLatency", ms, "Milliseconds");
    put("Url4xxCount", status >= 400 && status < 500 ? 1 : 0);
    put("Url5xxCount", status >= 500 ? 1 : 0);
  };
}

function uncounted({ totals }: FunctionMetrics): FunctionMetrics {
  const nothing = () => {};
  return { begun: nothing, ended: nothing, throttled: nothing, record: nothing, count: nothing, totals };
}

/** What a source shows of one mapping. */
interface MappingSummary {
  readonly uuid: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly iteratorAgeMs: number | undefined;
  /** of Kafka: records that the consumer group has not done yet */
  readonly offsetLag: number | undefined;
}

export interface MappingMeteringNeeds {
  list(): readonly MappingSummary[];
  mappings(): Iterable<Pick<MappingRecord, "uuid" | "account" | "region" | "functionName">>;
}

/**
 * Asks mappings each minute what they have counted since. Source: Lambda Developer Guide, "Event source mapping metrics"; other
 * than there, nobody has to ask for them in the mapping's MetricsConfig.
 */
export function meterMappings({ metrics, functions }: ReturnType<typeof createMetering>, needs: MappingMeteringNeeds) {
  const before = new Map<string, Readonly<Record<string, number>>>();
  metrics.collect((at) => {
    const mappings = new Map([...needs.mappings()].map((mapping) => [mapping.uuid, mapping]));
    for (const { uuid, counts, iteratorAgeMs, offsetLag } of needs.list()) {
      const mapping = mappings.get(uuid);
      if (mapping === undefined) continue;
      const { account, region, functionName: name } = mapping;
      const last = before.get(uuid) ?? {};
      before.set(uuid, { ...counts });
      for (const [counter, value] of Object.entries(counts)) {
        // A mapping that was begun anew counts from zero.
        const more = value - (last[counter] ?? 0);
        if (value === 0 || more === 0) continue;
        const dimensions = [{ name: "EventSourceMappingUUID", value: uuid }];
        const series = { account, region, namespace: lambdaNamespace, name: counter, dimensions, unit: "Count" };
        metrics.put(series, at, more > 0 ? more : value);
      }
      if (offsetLag !== undefined) functions.count({ account, region, name }, "OffsetLag", offsetLag);
      if (iteratorAgeMs !== undefined) {
        functions.count({ account, region, name }, "IteratorAge", iteratorAgeMs, { unit: "Milliseconds" });
      }
    }
  });
}
