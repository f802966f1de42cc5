import { ServiceError } from "../../model/index.ts";
import { mostRecordBytes, nextBatch } from "../batches.ts";
import { backoffMs, pause } from "../pause.ts";
import type { SourceNeeds } from "../source.ts";
import { failedItems } from "./answer.ts";
import { createConcurrency } from "./concurrency.ts";
import { type SqsMessage, sqsRecord } from "./event.ts";
import type { RemoteQueue } from "./remote-queue.ts";
import { settingsOf } from "./settings.ts";

/** A message that was received and is not over. */
interface Held {
  readonly message: SqsMessage;
  /** the element of `Records`, JSON */
  readonly json: string;
  readonly bytes: number;
  /** of FIFO queues */
  readonly group: string | undefined;
  /** until then nobody else gets it; milliseconds of the clock */
  readonly until: number;
}

export interface ReaderOptions {
  readonly signal: AbortSignal;
  /** Told of every request that failed, and how many did so in a row; resolves when the next may be tried. */
  failed(error: unknown, failures: number): Promise<void>;
}

/** Of a FIFO queue's message that came again while its group still runs, seconds. */
const groupPause = 1;
const shortestPollMs = 500;
const throttlePause = { first: 100, most: 5000 };
/** A batch whose messages are hidden for less than that is not begun. */
const marginMs = 200;
const handlesOf = (held: readonly Held[]): string[] => held.map(({ message }) => message.ReceiptHandle);

/**
 * Receives messages, runs the function with batches of them and deletes what it did. What it did not do is left hidden, until
 * the queue shows it again or moves it to its dead-letter queue, as Lambda leaves it. Resolves when the signal says so, nothing
 * runs any more, and what was not begun is handed back.
 */
export async function readQueue(
  needs: SourceNeeds,
  queue: RemoteQueue,
  { signal, failed }: ReaderOptions,
): Promise<void> {
  const settings = settingsOf(needs.mapping);
  const concurrency = createConcurrency(settings.mostConcurrent);
  /** received, and in no batch yet */
  let buffer: Held[] = [];
  /** when the first of them came */
  let since = 0;
  let running = 0;
  let receiving = 0;
  /** the last answer was as long as it may be: there is more */
  let plenty = false;
  let failures = 0;
  let resting = false;
  /** of FIFO queues: those that run */
  const groups = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  const ended = Promise.withResolvers<void>();

  const free = () => concurrency.limit() - running;

  function look(): void {
    clearTimeout(timer);
    if (!signal.aborted) {
      dispatch();
      poll();
    } else if (running === 0 && receiving === 0) ended.resolve();
  }

  /** Begins as many batches as are complete, or have waited long enough. */
  function dispatch(): void {
    while (free() > 0) {
      // One batch of a group after the other.
      const ready = settings.fifo ? buffer.filter(({ group }) => group === undefined || !groups.has(group)) : buffer;
      if (ready.length === 0) return;
      const { count, full } = nextBatch(ready, { size: settings.batchSize, bytes: mostRecordBytes });
      const rest = since + settings.windowMs - needs.clock();
      if (!full && rest > 0) {
        timer = setTimeout(look, rest);
        return;
      }
      const batch = ready.slice(0, count);
      buffer = ready === buffer ? buffer.slice(count) : buffer.filter((held) => !batch.includes(held));
      since = needs.clock();
      begin(batch);
    }
  }

  function poll(): void {
    const [fewest, most] = settings.pollers;
    while (!resting && receiving < Math.min(plenty ? most : fewest, free())) {
      const places = settings.fifo ? 1 : free() - receiving;
      receive(Math.max(1, Math.min(10, places * settings.batchSize - buffer.length)));
    }
  }

  function receive(most: number): void {
    receiving += 1;
    receiveOnce(most)
      .catch(needs.report)
      .finally(() => {
        receiving -= 1;
        look();
      });
  }

  async function receiveOnce(most: number): Promise<void> {
    let messages: readonly SqsMessage[];
    let visibilityMs: number;
    const asked = needs.clock();
    try {
      visibilityMs = await queue.visibilityMs();
      messages = await queue.receive(most, signal);
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      resting = true;
      await failed(error, failures);
      resting = false;
      return;
    }
    failures = 0;
    needs.problem(undefined);
    plenty = messages.length === most;
    if (messages.length > 0) return take(messages, needs.clock() + visibilityMs);
    // A server that does not wait for messages is not asked without a pause.
    if (needs.clock() - asked < shortestPollMs) await pause(shortestPollMs, signal);
  }

  /** Keeps what the function wants, and is to have now. */
  async function take(messages: readonly SqsMessage[], until: number): Promise<void> {
    needs.count("PolledEventCount", messages.length);
    // A message that came again while the first of its kind is here still: whoever has it had better be over.
    const busy = new Set([...groups, ...buffer.map(({ group }) => group)]);
    const unwanted: string[] = [];
    const later: string[] = [];
    for (const message of messages) {
      const record = sqsRecord(message, settings.queueArn);
      const group = settings.fifo ? message.Attributes?.MessageGroupId : undefined;
      if (!needs.wants(record)) unwanted.push(message.ReceiptHandle);
      else if (group !== undefined && busy.has(group)) later.push(message.ReceiptHandle);
      else {
        const json = JSON.stringify(record);
        if (buffer.length === 0) since = needs.clock();
        buffer.push({ message, json, bytes: Buffer.byteLength(json), group, until });
      }
    }
    if (later.length > 0) await queue.release(later, groupPause).catch(() => {});
    if (unwanted.length === 0) return;
    needs.count("FilteredOutEventCount", unwanted.length);
    await remove(unwanted);
  }

  async function remove(handles: readonly string[]): Promise<void> {
    try {
      needs.count("DeletedEventCount", await queue.remove(handles));
    } catch (error) {
      // They come again, which is what at least once means.
      needs.problem(`PROBLEM: messages could not be deleted: ${(error as Error).message}`);
    }
  }

  function begin(batch: readonly Held[]): void {
    running += 1;
    for (const { group } of batch) if (group !== undefined) groups.add(group);
    let holds = true;
    /** Others of these groups may come as soon as the function is over, for their messages do when these are deleted. */
    const freeGroups = () => {
      if (holds) for (const { group } of batch) if (group !== undefined) groups.delete(group);
      holds = false;
    };
    run(batch, freeGroups)
      .catch(needs.report)
      .finally(() => {
        running -= 1;
        freeGroups();
        look();
      });
  }

  /** Runs the function with those that are still ours; again as long as they are, when there is no place for it. */
  async function run(batch: readonly Held[], freeGroups: () => void): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const now = needs.clock();
      const ours = batch.filter(({ until }) => until - marginMs > now);
      // What stands behind a message of its group that is not ours any more waits for that.
      if (ours.length === 0 || (settings.fifo && ours.length < batch.length)) return;
      if (signal.aborted) return release(ours);
      try {
        return await invoke(ours, freeGroups);
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
        if (error.code === "RecursiveInvocationException") return;
        if (error.code === "TooManyRequestsException") concurrency.throttled(running);
        else needs.problem(`PROBLEM: ${error.message}`);
        needs.count("FailedInvokeEventCount", ours.length);
        await pause(backoffMs(tries, throttlePause), signal);
      }
    }
  }

  async function invoke(batch: readonly Held[], freeGroups: () => void): Promise<void> {
    const payload = Buffer.from(`{"Records":[${batch.map(({ json }) => json).join(",")}]}`);
    const traceId = batch.find(({ message }) => message.Attributes?.AWSTraceHeader)?.message.Attributes?.AWSTraceHeader;
    const { functionError, payload: answer } = await needs.invoke(payload, traceId);
    concurrency.ran(running);
    needs.count("InvokedEventCount", batch.length);
    const done = functionError === undefined ? doneOf(batch, answer) : [];
    needs.count("FailedInvokeEventCount", batch.length - done.length);
    const behind = settings.fifo && done.length < batch.length ? takeBehind(batch, done) : [];
    freeGroups();
    if (done.length > 0) await remove(handlesOf(done));
    await release(behind);
  }

  /** What was received behind failed messages of its group: it goes back, and comes again after them. */
  function takeBehind(batch: readonly Held[], done: readonly Held[]): readonly Held[] {
    const failed = new Set(batch.filter((held) => !done.includes(held)).map(({ group }) => group));
    const behind = buffer.filter(({ group }) => failed.has(group));
    buffer = buffer.filter(({ group }) => !failed.has(group));
    return behind;
  }

  /** If that fails, they are hidden until their time is over. */
  async function release(held: readonly Held[]): Promise<void> {
    if (held.length > 0) await queue.release(handlesOf(held), 0).catch(() => {});
  }

  function doneOf(batch: readonly Held[], answer: Buffer): readonly Held[] {
    if (!settings.reportsItems) return batch;
    const failures = failedItems(answer, new Set(batch.map(({ message }) => message.MessageId)));
    return failures === undefined ? [] : batch.filter(({ message }) => !failures.has(message.MessageId));
  }

  signal.addEventListener("abort", look, { once: true });
  look();
  await ended.promise;
  await release(buffer);
}
