import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Config } from "../config.ts";
import {
  type FunctionVersion,
  type Invocation,
  type InvocationResult,
  monotonicMs,
  ServiceError,
} from "../model/index.ts";
import type { FunctionTotals } from "../observe/index.ts";
import type { Otlp } from "../otlp/index.ts";
import type { InvocationTrace, Traces } from "../traces/index.ts";
import { later } from "./later.ts";
import type { Reporting } from "./stores.ts";

type Invoke = (invocation: Invocation) => Promise<InvocationResult>;

export interface TracingNeeds extends Reporting {
  /** what functions have done so far */
  functions(): readonly FunctionTotals[];
}

const load = createRequire(import.meta.url);
const tracesRoom = () => load("../traces/index.ts") as typeof import("../traces/index.ts");
const otlpRoom = () => load("../otlp/index.ts") as typeof import("../otlp/index.ts");

export type Tracing = ReturnType<typeof createTracing>;

/** Keeps the traces of sampled invocations, and tells a collector of all, if there is one; else it only looks at the header. */
export function createTracing(config: Config, { clock, report, note, functions }: TracingNeeds) {
  const { room: traces } = later<Traces>({
    make: () => tracesRoom().createTraces({ path: join(config.dataDir, "traces.sqlite"), clock, report }),
    // Nothing has to be taken up: it is opened by the first sampled call, or the first who asks.
    owes: () => false,
    unmade: { flush() {}, close() {} },
  });
  const newId = () => randomBytes(8).toString("hex");
  const settings = config.otlp;
  const otlp: Otlp | undefined =
    settings === undefined ? undefined : otlpRoom().createOtlp({ settings, clock, newId, functions, note });

  async function tracedRun(invoke: Invoke, invocation: Invocation, header: string): Promise<InvocationResult> {
    const found = tracesRoom().withSegment(header, newId);
    if (found === undefined) return invoke(invocation);
    const isSampled = header.includes("Sampled=1");
    const { place } = found;
    try {
      const result = await invoke({ ...invocation, traceId: found.header });
      record(invocation, { place, isSampled, result });
      return result;
    } catch (error) {
      record(invocation, { place, isSampled, refused: error instanceof ServiceError ? error : undefined });
      throw error;
    }
  }

  function record(
    invocation: Invocation,
    run: { place: InvocationTrace; isSampled: boolean; result?: InvocationResult; refused?: ServiceError | undefined },
  ): void {
    const { target, requestId, invokedArn, received } = invocation;
    const { place, result } = run;
    try {
      const timing = result?.timing;
      const total = timing?.total ?? monotonicMs() - received;
      const ended = clock();
      const failure = failureOf(result);
      const refusal = { code: run.refused?.code ?? "ServiceException", status: run.refused?.kind.status ?? 500 };
      const refused = result === undefined ? refusal : undefined;
      const { trace, parent, function: span } = place;
      const errorType = failure?.type ?? refused?.code;
      otlp?.add({ target, requestId, invokedArn, trace, span, parent, ended, total, timing, errorType });
      if (!run.isSampled) return;
      const whole = { target, requestId, place, ended, timing, total, failure, refused, newId };
      traces.put(target.account, target.region, tracesRoom().segmentsOf(whole));
    } catch (error) {
      report(error);
    }
  }

  return {
    traces,
    /** Keeps what a function has sent to X-Ray's daemon, if it is a segment: nobody answers, so nothing is refused. */
    datagram({ account, region }: Pick<FunctionVersion, "account" | "region">, bytes: Buffer): void {
      try {
        traces.put(account, region, [tracesRoom().readDatagram(bytes)]);
      } catch (error) {
        if (!(error instanceof tracesRoom().InvalidSegment)) report(error);
      }
    },
    /** What is sampled is traced; everything else runs as it would without. */
    traced(invoke: Invoke): Invoke {
      return (invocation) => {
        const { traceId } = invocation;
        if (traceId === undefined) return invoke(invocation);
        if (otlp === undefined && !traceId.includes("Sampled=1")) return invoke(invocation);
        return tracedRun(invoke, invocation, traceId);
      };
    },
    async close(ms: number): Promise<void> {
      await otlp?.close(ms);
      traces.close();
    },
  };
}

function failureOf(result: InvocationResult | undefined) {
  const outcome = result?.outcome;
  const failure =
    outcome?.kind === "failed" ? outcome.failure : outcome?.kind === "streamed" ? outcome.error : undefined;
  if (failure === undefined) return undefined;
  let message = "";
  try {
    message = String((JSON.parse(failure.payload.toString()) as { errorMessage?: unknown }).errorMessage ?? "");
  } catch {
    // A custom runtime may report what it likes.
  }
  return { type: failure.errorType, message };
}
