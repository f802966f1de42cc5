import { setTimeout as wait } from "node:timers/promises";
import { type RemoteCall, RemoteError } from "../../remote/index.ts";
import type { SqsMessage } from "./event.ts";

/** A queue of SQS, wherever it is. Rejects with RemoteError when SQS says no, with anything else when nobody answers. */
export interface RemoteQueue {
  /** Waits for messages, 20 s at most. */
  receive(most: number, signal: AbortSignal): Promise<readonly SqsMessage[]>;
  /** how long a message is hidden that was received, milliseconds */
  visibilityMs(): Promise<number>;
  /** Returns how many are gone; those that are not, because somebody else has them by now, come again. */
  remove(handles: readonly string[]): Promise<number>;
  /** Lets others have them after so many seconds. */
  release(handles: readonly string[], seconds: number): Promise<void>;
}

const pollSeconds = 20;
const batch = 10;
/** how long it is taken for granted that a queue's attributes are the same */
const attributesLastMs = 15_000;

/** Finds the queue of an ARN. Rejects as the queue's operations do. */
export async function openQueue(
  call: RemoteCall,
  arn: string,
  { signal, clock }: { readonly signal: AbortSignal; clock(): number },
): Promise<RemoteQueue> {
  const QueueUrl = await urlOf(call, arn, signal);
  let visibility = { asked: Number.NEGATIVE_INFINITY, ms: 0 };

  /** Entries are numbered, as their Ids. Returns how many were done. */
  async function inBatches(operation: string, entries: readonly object[]): Promise<number> {
    const parts = Array.from({ length: Math.ceil(entries.length / batch) }, (_, index) =>
      entries.slice(index * batch, (index + 1) * batch).map((entry, place) => ({ Id: String(place), ...entry })),
    );
    const done = await Promise.all(parts.map((Entries) => persistently(() => call(operation, { QueueUrl, Entries }))));
    return done.reduce<number>(
      (sum, answer) => sum + ((answer as { Successful?: unknown[] }).Successful?.length ?? 0),
      0,
    );
  }

  return {
    async receive(most, stop) {
      const input = {
        QueueUrl,
        MaxNumberOfMessages: most,
        WaitTimeSeconds: pollSeconds,
        // The older of the two names is what some servers know only.
        AttributeNames: ["All"],
        MessageSystemAttributeNames: ["All"],
        MessageAttributeNames: ["All"],
      };
      const answer = await call("ReceiveMessage", input, stop, (pollSeconds + 10) * 1000);
      return (answer as { Messages?: SqsMessage[] | null }).Messages ?? [];
    },
    async visibilityMs() {
      if (clock() - visibility.asked < attributesLastMs) return visibility.ms;
      const asked = clock();
      const answer = await call("GetQueueAttributes", { QueueUrl, AttributeNames: ["VisibilityTimeout"] }, signal);
      const { Attributes } = answer as { Attributes?: { VisibilityTimeout?: string } };
      visibility = { asked, ms: Number(Attributes?.VisibilityTimeout ?? 30) * 1000 };
      return visibility.ms;
    },
    remove: (handles) =>
      inBatches(
        "DeleteMessageBatch",
        handles.map((ReceiptHandle) => ({ ReceiptHandle })),
      ),
    async release(handles, seconds) {
      const entries = handles.map((ReceiptHandle) => ({ ReceiptHandle, VisibilityTimeout: seconds }));
      await inBatches("ChangeMessageVisibilityBatch", entries);
    },
  };
}

/**
 * Asks for the URL, for servers have them of their own. Roles need not be allowed to ask (AWSLambdaSQSQueueExecutionRole is
 * not): then it is AWS's, which this platform understands, too.
 */
async function urlOf(call: RemoteCall, arn: string, signal: AbortSignal): Promise<string> {
  const [, , , region, owner, name = ""] = arn.split(":");
  try {
    const found = await call("GetQueueUrl", { QueueName: name, QueueOwnerAWSAccountId: owner }, signal);
    return (found as { QueueUrl: string }).QueueUrl;
  } catch (error) {
    if (!(error instanceof RemoteError) || !/AccessDenied/.test(error.code)) throw error;
    return `https://sqs.${region}.amazonaws.com/${owner}/${name}`;
  }
}

/** What was done once should not be done again because a request got lost. */
async function persistently<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await attempt();
    } catch (error) {
      const inVain = error instanceof RemoteError && error.status < 500 && !/Throttl/i.test(error.code);
      if (inVain || tried === 5) throw error;
      await wait(100 * 2 ** tried * (0.5 + Math.random() / 2));
    }
  }
}
