import type { FunctionTotals } from "../observe/index.ts";
import { attributesOf } from "./attributes.ts";
import { metricsOf } from "./measurements.ts";
import { createSender } from "./sender.ts";
import { type InvocationSpan, tracesOf } from "./spans.ts";

/** As OpenTelemetry's own variables say. */
export interface OtlpSettings {
  /** base URL: `/v1/traces` and `/v1/metrics` are added */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  /** of every resource, beside its own */
  readonly attributes: Readonly<Record<string, string>>;
  /** milliseconds */
  readonly spansEveryMs: number;
  readonly metricsEveryMs: number;
}

export interface OtlpNeeds {
  readonly settings: OtlpSettings;
  /** milliseconds since the epoch */
  clock(): number;
  /** 16 random hexadecimal digits */
  newId(): string;
  functions(): readonly FunctionTotals[];
  note(line: string): void;
}

/** Sends spans and metrics to a collector, in batches; nothing ever waits for it. */
export interface Otlp {
  add(invocation: InvocationSpan): void;
  /** Sends what is left, for at most so many milliseconds. */
  close(ms: number): Promise<void>;
}

/** Invocations that wait to be sent; what comes beyond is counted and left out. */
const mostWaiting = 4096;
/** Of one request: a few milliseconds of the platform's time. */
const batch = 128;

export function createOtlp({ settings, clock, newId, functions, note }: OtlpNeeds): Otlp {
  const started = clock();
  const resource = attributesOf(settings.attributes);
  const sender = createSender({ headers: settings.headers, note });
  const base = settings.endpoint.replace(/\/+$/, "");
  let waiting: InvocationSpan[] = [];
  let lost = 0;
  let sending: Promise<void> | undefined;
  let closed = false;

  async function sendSpans(): Promise<void> {
    while (waiting.length > 0) {
      const some = waiting.splice(0, batch);
      await sender.send(`${base}/v1/traces`, tracesOf(some, newId, resource));
    }
    if (lost === 0) return;
    note(`OTLP: ${lost} invocations were left out, for the collector at ${base} did not keep up`);
    lost = 0;
  }

  /** One after the other: a slow collector has one request open, and no more. */
  function flush(): Promise<void> {
    sending ??= sendSpans().finally(() => {
      sending = undefined;
    });
    return sending;
  }

  async function sendMetrics(): Promise<void> {
    await sender.send(`${base}/v1/metrics`, metricsOf(functions(), { started, now: clock() }, resource));
  }

  const quietly = (run: () => Promise<void>) => () =>
    void run().catch((error: Error) => note(`OTLP: ${error.message}`));
  const spans = setInterval(quietly(flush), settings.spansEveryMs).unref();
  const metrics = setInterval(quietly(sendMetrics), settings.metricsEveryMs).unref();

  return {
    add(invocation) {
      if (closed) return;
      if (waiting.length >= mostWaiting) lost += 1;
      else waiting.push(invocation);
      if (waiting.length === batch) quietly(flush)();
    },
    async close(ms) {
      if (closed) return;
      closed = true;
      clearInterval(spans);
      clearInterval(metrics);
      const done = sender.hurry(ms);
      await Promise.all([flush().then(flush), sendMetrics()]).catch(() => {});
      done();
      waiting = [];
    },
  };
}
