import { monotonicMs } from "../../model/index.ts";
import { ask, ServiceFailure } from "../client.ts";
import type { Connection } from "../settings.ts";
import type { Timing } from "../waterfall.ts";

/** One invocation as its caller saw it, and as its own REPORT line tells it. All times in ms. */
export interface Call {
  /** from before the request was signed until its answer was read whole */
  readonly ms: number;
  /** monotonicMs() at that end */
  readonly done: number;
  /** how its environment came to be: Thaw's word; of other platforms `warm` or `cold` */
  readonly start: string;
  /** REPORT's Duration, Billed Duration, Init Duration (or Restore Duration); absent: the line did not say */
  readonly handlerMs?: number;
  readonly billedMs?: number;
  readonly initMs?: number;
  /** Max Memory Used, MB */
  readonly usedMb?: number;
  /** where the time went, from Thaw only */
  readonly timing?: Timing;
  /** what the function answered; absent: it was not reached */
  readonly answer?: Buffer;
  /** why it is no sample: `throttled`, or the function's error */
  readonly failure?: string;
}

export interface Target {
  readonly connection: Connection;
  readonly name: string;
  readonly qualifier: string | undefined;
  readonly payload: Buffer;
}

/** Invokes once and waits for the answer. A throttle or the function's own error is a Call with `failure`; everything else rejects. */
export async function call(target: Target): Promise<Call> {
  const query = target.qualifier === undefined ? "" : `?Qualifier=${encodeURIComponent(target.qualifier)}`;
  const path = `/2015-03-31/functions/${encodeURIComponent(target.name)}/invocations${query}`;
  const headers = { "content-type": "application/json", "x-amz-log-type": "Tail", "x-thaw-timing": "1" };
  const began = monotonicMs();
  try {
    const answer = await ask(target.connection, { method: "POST", path, headers, body: target.payload });
    const done = monotonicMs();
    const header = (name: string): string | undefined => [answer.headers[name]].flat()[0];
    const timing = header("x-thaw-timing");
    const failure = header("x-amz-function-error");
    return {
      ...readReport(
        Buffer.from(header("x-amz-log-result") ?? "", "base64").toString(),
        timing === undefined ? undefined : (JSON.parse(timing) as Timing),
      ),
      ...(failure === undefined ? {} : { failure: `${failure}: ${answer.body.toString().slice(0, 200)}` }),
      answer: answer.body,
      ms: done - began,
      done,
    };
  } catch (error) {
    if (!(error instanceof ServiceFailure) || error.status !== 429) throw error;
    const done = monotonicMs();
    return { ms: done - began, done, start: "none", failure: "throttled" };
  }
}

/** What a log's REPORT line says. Source: Lambda Developer Guide, "Log message format" of the Invoke operation's LogResult. */
export function readReport(log: string, timing?: Timing): Omit<Call, "ms" | "done" | "answer"> {
  const line = log.slice(Math.max(0, log.lastIndexOf("REPORT RequestId:")));
  const figure = (label: string): number | undefined => {
    const found = new RegExp(`(?:^|\\t)${label}: ([\\d.]+) `).exec(line)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const initMs = figure("Init Duration") ?? figure("Restore Duration");
  const values = {
    handlerMs: figure("Duration"),
    billedMs: figure("Billed Duration"),
    initMs,
    usedMb: figure("Max Memory Used"),
    timing,
  };
  const known = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  return { start: timing?.start ?? (initMs === undefined ? "warm" : "cold"), ...known };
}
