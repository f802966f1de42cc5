import type { Commits } from "../commits.ts";
import type { MessageStore } from "../store.ts";
import { retryPolicyOf } from "./attributes.ts";
import type { Subscription, TopicCatalogue } from "./catalogue.ts";
import type { Outgoing } from "./publishing.ts";

/** An endpoint that will not take it, however often it is asked. */
export class EndpointRefused extends Error {
  override readonly name = "EndpointRefused";
}

export interface OutboxNeeds {
  readonly store: MessageStore;
  readonly commits: Commits;
  readonly topics: Pick<TopicCatalogue, "find" | "findSubscription">;
  clock(): number;
  schedule(at: number, run: () => void): () => void;
  /** Runs a function asynchronously, for a topic. Resolves when the event is durable; rejects with EndpointRefused. */
  toFunction(arn: string, payload: Buffer, topic: string): Promise<void>;
  /** Rejects with EndpointRefused when the answer is final. */
  toUrl(url: string, body: string, headers: Readonly<Record<string, string>>): Promise<void>;
  /** To the dead-letter queue. */
  bury(subscription: Subscription, body: string, why: string): void;
  report(error: unknown): void;
}

/** Sends what is on its way to functions and HTTP endpoints, until it is there or given up. */
export interface Outbox {
  wake(): void;
  close(): void;
}

/** So many at once; nothing marks a row as taken, so there is nothing to recover after a kill. */
const most = 64;

export function createOutbox(needs: OutboxNeeds): Outbox {
  const { store, commits, topics, clock, report } = needs;
  const running = new Set<number>();
  let closed = false;
  let woken = false;
  let cancel = () => {};

  function look(): void {
    woken = false;
    if (closed) return;
    const rows = store.dueDeliveries(clock(), most + running.size).filter(({ id }) => !running.has(id));
    for (const row of rows.slice(0, most - running.size)) {
      running.add(row.id);
      work(row.id, row.tries, JSON.parse(row.document) as Outgoing)
        .catch(report)
        .finally(() => {
          running.delete(row.id);
          wake();
        });
    }
    cancel();
    const next = store.nextDelivery(clock());
    cancel = next === undefined ? () => {} : needs.schedule(next, wake);
  }

  function wake(): void {
    if (woken || closed) return;
    woken = true;
    setImmediate(look);
  }

  async function work(id: number, tries: number, outgoing: Outgoing): Promise<void> {
    const subscription = topics.findSubscription(outgoing.subscription);
    // Who has unsubscribed gets nothing more.
    const failure = subscription === undefined ? undefined : await failureOf(outgoing);
    if (closed) return;
    const again = failure === undefined || failure instanceof EndpointRefused ? undefined : retryAt(outgoing, tries);
    commits.change(() => {
      if (again !== undefined) {
        store.putOff(id, again, tries + 1);
        return;
      }
      store.removeDelivery(id);
      if (failure === undefined || subscription === undefined || outgoing.kind === "confirmation") return;
      needs.bury(subscription, outgoing.body, failure.message);
    });
  }

  async function failureOf(outgoing: Outgoing): Promise<Error | undefined> {
    const { kind, body, endpoint, topic, subscription, messageId, raw } = outgoing;
    try {
      if (kind === "lambda") await needs.toFunction(endpoint, Buffer.from(body), topic);
      else await needs.toUrl(endpoint, body, headersOf(kind, messageId, topic, subscription, raw));
      return undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** Undefined: it has been tried often enough. */
  function retryAt({ kind, subscription, topic }: Outgoing, tries: number): number | undefined {
    const delay = kind === "lambda" ? Math.min(20_000, 100 * 2 ** Math.min(tries, 10)) : undefined;
    if (delay !== undefined) return clock() + delay;
    const own = topics.findSubscription(subscription)?.record.attributes.DeliveryPolicy;
    const policy = retryPolicyOf(own, topics.find(topic)?.record.attributes.DeliveryPolicy);
    if (tries >= policy.retries) return undefined;
    if (tries < policy.withoutDelay) return clock();
    const steps = Math.max(1, policy.retries - policy.withoutDelay - 1);
    const part = Math.min(1, (tries - policy.withoutDelay) / steps);
    return clock() + policy.minDelayMs + part * (policy.maxDelayMs - policy.minDelayMs);
  }

  return {
    wake,
    close() {
      closed = true;
      cancel();
    },
  };
}

/** Source: SNS Developer Guide, "Parsing Amazon SNS message formats". */
function headersOf(kind: Outgoing["kind"], messageId: string, topic: string, subscription: string, raw: boolean) {
  return {
    "content-type": "text/plain; charset=UTF-8",
    "user-agent": "Amazon Simple Notification Service Agent",
    "x-amz-sns-message-type": kind === "confirmation" ? "SubscriptionConfirmation" : "Notification",
    "x-amz-sns-message-id": messageId,
    "x-amz-sns-topic-arn": topic,
    ...(kind === "confirmation" ? {} : { "x-amz-sns-subscription-arn": subscription }),
    ...(raw ? { "x-amz-sns-rawdelivery": "true" } : {}),
  };
}
