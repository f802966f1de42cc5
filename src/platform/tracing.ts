import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { type Invocation, type InvocationResult, monotonicMs, ServiceError } from "../model/index.ts";
import type { InvocationTrace, Traces } from "../traces/index.ts";
import { later } from "./later.ts";
import type { Reporting } from "./stores.ts";

type Invoke = (invocation: Invocation) => Promise<InvocationResult>;

const load = createRequire(import.meta.url);
const tracesRoom = () => load("../traces/index.ts") as typeof import("../traces/index.ts");

/** Keeps the traces of sampled invocations; of all others it only looks at the header. */
export function createTracing(config: Config, { clock, report }: Reporting) {
  const { room: traces } = later<Traces>({
    make: () => tracesRoom().createTraces({ path: join(config.dataDir, "traces.sqlite"), clock, report }),
    // Nothing has to be taken up: it is opened by the first sampled call, or the first who asks.
    owes: () => false,
    unmade: { flush() {}, close() {} },
  });
  const newId = () => randomBytes(8).toString("hex");

  async function tracedRun(invoke: Invoke, invocation: Invocation, header: string): Promise<InvocationResult> {
    const found = tracesRoom().withSegment(header, newId);
    if (found === undefined) return invoke(invocation);
    const { place } = found;
    try {
      const result = await invoke({ ...invocation, traceId: found.header });
      note(invocation, place, { result });
      return result;
    } catch (error) {
      const refused = error instanceof ServiceError ? error : undefined;
      const { code = "ServiceException", kind = { status: 500 } } = refused ?? {};
      note(invocation, place, { refused: { code, status: kind.status } });
      throw error;
    }
  }

  function note(
    { target, requestId, received }: Invocation,
    place: InvocationTrace,
    { result, refused }: { result?: InvocationResult; refused?: { code: string; status: number } },
  ): void {
    try {
      const timing = result?.timing;
      const total = timing?.total ?? monotonicMs() - received;
      const run = {
        target,
        requestId,
        place,
        ended: clock(),
        timing,
        total,
        failure: failureOf(result),
        refused,
        newId,
      };
      traces.put(target.account, target.region, tracesRoom().segmentsOf(run));
    } catch (error) {
      report(error);
    }
  }

  return {
    traces,
    /** What is sampled is traced; everything else runs as it would without. */
    traced(invoke: Invoke): Invoke {
      return (invocation) => {
        const { traceId } = invocation;
        if (traceId === undefined || !traceId.includes("Sampled=1")) return invoke(invocation);
        return tracedRun(invoke, invocation, traceId);
      };
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
