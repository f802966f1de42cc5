import { backoffMs, pause } from "../pause.ts";
import type { Invoked, SourceNeeds } from "../source.ts";
import { type Batch, consequenceOf, cutByAge } from "../streams/attempts.ts";
import { readAnswer } from "./answer.ts";
import { type KafkaRecord, kafkaPayload } from "./event.ts";
import { kafkaFailureRecord } from "./failure-record.ts";
import type { KafkaSettings } from "./settings.ts";

export interface AttemptsNeeds {
  /** as the event has them */
  readonly bootstrapServers: string;
  /** These are over, done or given up. */
  finished(records: readonly KafkaRecord[]): void;
}

const retryPause = { first: 100, most: 10_000 };
const failedResult = "PROBLEM: Function call failed";

/** Sends a batch until every record of it is done or given up; rejects when the signal says so. */
export function createAttempts(
  needs: Pick<SourceNeeds, "clock" | "invoke" | "giveUp" | "count" | "result" | "functionArn">,
  settings: KafkaSettings,
  { bootstrapServers, finished }: AttemptsNeeds,
  signal: AbortSignal,
): { run(records: readonly KafkaRecord[]): Promise<void> } {
  const payloadOf = (records: readonly KafkaRecord[]) => kafkaPayload(records, bootstrapServers, settings);

  /** undefined: it could not be run now */
  async function invoke(records: readonly KafkaRecord[]): Promise<Invoked | undefined> {
    try {
      const invoked = await needs.invoke(payloadOf(records));
      needs.count("InvokedEventCount", records.length);
      return invoked;
    } catch (error) {
      signal.throwIfAborted();
      needs.result(`PROBLEM: ${(error as Error).message}`);
      return undefined;
    }
  }

  async function giveUp(
    { records, failures }: Batch<KafkaRecord>,
    condition: "RetryAttemptsExhausted" | "RecordAgeExceeded",
    last: Invoked | undefined,
  ): Promise<void> {
    needs.count("DroppedEventCount", records.length);
    const { functionArn } = needs;
    const { clusterArn } = settings;
    const payload = payloadOf(records);
    const record = kafkaFailureRecord(
      {
        functionArn,
        condition,
        invocations: failures,
        last: failures === 0 ? undefined : last,
        records,
        clusterArn,
        bootstrapServers,
        payloadSize: payload.length,
      },
      needs.clock(),
    );
    await needs.giveUp({ record, part: records[0]!.lane, payload: () => payload.toString("utf8") });
    finished(records);
  }

  /** What is to be sent next of this batch, which the function has had. */
  async function concluded(batch: Batch<KafkaRecord>, invoked: Invoked): Promise<readonly Batch<KafkaRecord>[]> {
    const { records, failures } = batch;
    const failed = invoked.functionError !== undefined;
    const { done, rest } = failed
      ? { done: [], rest: records }
      : readAnswer(invoked.payload, records, settings.reportsItems);
    needs.result(rest.length === 0 ? "OK" : failedResult);
    if (rest.length > 0) needs.count("FailedInvokeEventCount", rest.length);
    if (done.length > 0) finished(done);
    // Each partition keeps its order: what is done of it comes before what is not.
    const verdict = rest.length === 0 ? ({ kind: "done" } as const) : ({ kind: "failed", from: done.length } as const);
    const { next, givenUp } = consequenceOf({ records: [...done, ...rest], failures }, verdict, settings);
    if (givenUp !== undefined) await giveUp(givenUp, "RetryAttemptsExhausted", invoked);
    return next;
  }

  return {
    async run(all) {
      let stack: readonly Batch<KafkaRecord>[] = [{ records: all, failures: 0 }];
      let last: Invoked | undefined;
      let busy = 0;
      while (stack.length > 0) {
        signal.throwIfAborted();
        const [first, ...later] = stack as [Batch<KafkaRecord>, ...Batch<KafkaRecord>[]];
        const oldest = settings.mostAgeMs === undefined ? Number.NEGATIVE_INFINITY : needs.clock() - settings.mostAgeMs;
        const { expired, head, rest } = cutByAge(first.records, oldest);
        const after = rest.length > 0 ? [{ ...first, records: rest }, ...later] : later;
        const batch = { ...first, records: head };
        if (expired) {
          await giveUp(batch, "RecordAgeExceeded", last);
          stack = after;
          continue;
        }
        const invoked = await invoke(head);
        if (invoked === undefined) {
          busy += 1;
          await pause(backoffMs(busy, retryPause), signal);
          continue;
        }
        last = invoked;
        busy = 0;
        const next = await concluded(batch, invoked);
        const again = next[0]?.failures ?? 0;
        if (again > 0 && next.length === 1) await pause(backoffMs(again, retryPause), signal);
        stack = [...next, ...after];
      }
    },
  };
}
