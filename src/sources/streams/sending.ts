import { backoffMs, pause } from "../pause.ts";
import type { Invoked } from "../source.ts";
import { readAnswer } from "./answer.ts";
import { type Batch, consequenceOf, cutByAge, type Verdict } from "./attempts.ts";
import type { StreamNeeds } from "./needs.ts";
import { payloadOf } from "./payload.ts";
import type { StreamRecord } from "./records.ts";
import { mostStateBytes, type Window, windowOf } from "./windows.ts";

export interface SendingNeeds
  extends Pick<StreamNeeds, "settings" | "clock" | "invoke" | "giveUp" | "count" | "iteratorAge" | "result"> {
  /** All records of the lane up to this one are over; resolves when that is kept. `window`: with what was gathered. */
  done(sequence: string | undefined, window: OpenWindow | undefined): Promise<void>;
}

/** What a lane has gathered in its window. */
export interface OpenWindow {
  readonly start: number;
  /** JSON */
  readonly state: string;
}

export interface Sending {
  /** Sends records of one window until every one of them is done or given up. */
  batch(records: readonly StreamRecord[], window: Window | undefined): Promise<void>;
  /** The last invocation of a window. */
  close(): Promise<void>;
  open(): OpenWindow | undefined;
}

/** What comes of trying to run a function once. */
type Tried = { readonly invoked: Invoked; readonly verdict: Verdict; readonly state?: string | undefined };

const retryPause = { first: 100, most: 10_000 };
const failedResult = "PROBLEM: Function call failed";

/** The invocations of one lane: retries, splitting, records that are given up, the state of windows. */
export function createSending(
  shard: string,
  needs: SendingNeeds,
  signal: AbortSignal,
  before: OpenWindow | undefined,
): Sending {
  const { settings } = needs;
  const windowed = settings.tumblingSeconds > 0;
  let open = before;
  let last: Invoked | undefined;

  /** Runs the function with these records; undefined: it could not be run, and the records may have become too old. */
  async function attempt(records: readonly StreamRecord[], special?: "final" | "early"): Promise<Tried | undefined> {
    const payload = payloadOf(records, eventOf(special));
    let invoked: Invoked;
    try {
      invoked = await needs.invoke(payload);
    } catch (error) {
      signal.throwIfAborted();
      needs.result(`PROBLEM: ${(error as Error).message}`);
      return undefined;
    }
    last = invoked;
    if (records.length > 0) {
      needs.count("InvokedEventCount", records.length);
      needs.iteratorAge(Math.max(0, needs.clock() - records.at(-1)!.arrived));
    }
    if (invoked.functionError !== undefined) return { invoked, verdict: { kind: "failed", from: 0 } };
    if (special !== undefined) return { invoked, verdict: { kind: "done" } };
    const sequences = records.map(({ sequence }) => sequence);
    const answer = readAnswer(invoked.payload, sequences, { reportsItems: settings.reportsItems, windowed });
    return { invoked, ...answer };
  }

  function eventOf(special: "final" | "early" | undefined) {
    if (open === undefined) return undefined;
    const window = windowOf(open.start, settings.tumblingSeconds);
    const flags = { final: special === "final", early: special === "early" };
    return { window, state: open.state, shard, sourceArn: settings.sourceArn, ...flags };
  }

  /** An invocation without records, until it succeeds or may be tried no more. */
  async function conclude(special: "final" | "early"): Promise<void> {
    let failures = 0;
    let busy = 0;
    while (settings.retries === -1 || failures <= settings.retries) {
      const tried = await attempt([], special);
      if (tried?.verdict.kind === "done") return needs.result("OK");
      if (tried === undefined) busy += 1;
      else {
        failures += 1;
        needs.result(failedResult);
      }
      await pause(backoffMs(failures + busy, retryPause), signal);
      signal.throwIfAborted();
    }
  }

  async function giveUp(lost: Batch<StreamRecord>, condition: "RetryAttemptsExhausted" | "RecordAgeExceeded") {
    const { records, failures } = lost;
    needs.count("DroppedEventCount", records.length);
    const response = failures === 0 || last === undefined ? undefined : responseOf(last);
    const requestId = last?.requestId ?? "";
    await needs.giveUp({ requestId, condition, invocations: failures, ...(response && { response }), shard, records });
  }

  async function sent(tried: Tried, batch: Batch<StreamRecord>): Promise<readonly Batch<StreamRecord>[]> {
    const { verdict, state } = tried;
    const { done, next, givenUp } = consequenceOf(batch, verdict, settings);
    needs.result(verdict.kind === "done" ? "OK" : failedResult);
    if (verdict.kind === "failed") needs.count("FailedInvokeEventCount", batch.records.length - done);
    const early = state !== undefined && Buffer.byteLength(state) > mostStateBytes;
    if (open !== undefined && state !== undefined && done > 0) open = { start: open.start, state };
    if (givenUp !== undefined) await giveUp(givenUp, "RetryAttemptsExhausted");
    const over = givenUp === undefined ? done : batch.records.length;
    if (over > 0) await needs.done(batch.records[over - 1]!.sequence, open);
    if (early && done > 0) {
      await conclude("early");
      open = open && { start: open.start, state: "{}" };
      await needs.done(undefined, open);
    }
    return next;
  }

  return {
    open: () => open,
    async batch(records, window) {
      if (window !== undefined) open ??= { start: window.start, state: "{}" };
      let stack: Batch<StreamRecord>[] = [{ records, failures: 0 }];
      let busy = 0;
      while (stack.length > 0) {
        signal.throwIfAborted();
        const [{ records: all, failures }, ...later] = stack as [Batch<StreamRecord>, ...Batch<StreamRecord>[]];
        const oldest = settings.mostAgeMs === undefined ? Number.NEGATIVE_INFINITY : needs.clock() - settings.mostAgeMs;
        const { expired, head, rest } = cutByAge(all, oldest);
        const after = rest.length > 0 ? [{ records: rest, failures }, ...later] : later;
        const batch = { records: head, failures };
        if (expired) {
          await giveUp(batch, "RecordAgeExceeded");
          await needs.done(head.at(-1)!.sequence, open);
          stack = after;
          continue;
        }
        const tried = await attempt(head);
        if (tried === undefined) {
          busy += 1;
          await pause(backoffMs(busy, retryPause), signal);
          continue;
        }
        busy = 0;
        const next = await sent(tried, batch);
        const again = next[0]?.failures ?? 0;
        if (again > 0 && next.length === 1) await pause(backoffMs(again, retryPause), signal);
        stack = [...next, ...after];
      }
    },
    async close() {
      if (open === undefined) return;
      await conclude("final");
      open = undefined;
      await needs.done(undefined, undefined);
    },
  };
}

function responseOf({ executedVersion, functionError }: Invoked) {
  return { executedVersion, ...(functionError === undefined ? {} : { functionError }) };
}
