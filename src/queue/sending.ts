import type { Verdict } from "./dispatcher.ts";
import { backoffMs, type QueuedEvent, type Scope } from "./events.ts";
import type { DeadLetterAttributes } from "./records.ts";
import { DeliveryRefused } from "./refused.ts";
import { failedEvent, type TargetHead } from "./targets.ts";

/** The head of an event that is to be sent to a queue, a topic, an event bus or a bucket. */
export type SendHead = Scope & {
  readonly arn: string;
  /** of the function it comes from, which is in `account` and `region` */
  readonly name: string;
  /** the role that it is sent as: the function's, or the one that a rule or a schedule has; left out: the account itself */
  readonly roleArn?: string | undefined;
} & (
    | { readonly kind: "record"; readonly functionArn: string; readonly success: boolean }
    | { readonly kind: "dead-letter"; readonly attributes: DeadLetterAttributes }
    | TargetHead
  );

/** Something that leaves the platform's own functions. */
export type Delivery = SendHead & {
  /** what it is called in a bucket, for example: the same on every try */
  readonly id: string;
  /** when it came to be, milliseconds since the epoch */
  readonly created: number;
  /** JSON, as a rule */
  readonly body: Buffer;
  /** which try this is, from 1 */
  readonly attempt: number;
};

export interface SendingNeeds {
  clock(): number;
  /** Rejects with DeliveryRefused where another try is in vain, and with anything else where it is not. */
  deliver(delivery: Delivery): Promise<void>;
  /** A try was in vain, the first or a later one. `final`: there is no other. */
  failed(delivery: Delivery, error: unknown, tries: number, final: boolean): void;
}

/** How long a destination is tried: as long as events may wait. */
const patienceMs = 21_600_000;

/** Sends an event to where it is to go, and says what is to become of it. */
export function createSending(needs: SendingNeeds): (event: QueuedEvent) => Promise<Verdict> {
  return async (event) => {
    const head = JSON.parse(event.head) as SendHead;
    const attempt = event.tries + 1;
    const delivery: Delivery = { ...head, id: String(event.id), created: event.accepted, body: event.payload, attempt };
    try {
      await needs.deliver(delivery);
      return { kind: "done" };
    } catch (error) {
      const due = needs.clock() + backoffMs(event.delays);
      const ageMs = head.kind === "event" ? head.ageSeconds * 1000 : patienceMs;
      const exhausted = head.kind === "event" && event.tries >= head.retries;
      const final = error instanceof DeliveryRefused || exhausted || due - event.accepted > ageMs;
      needs.failed(delivery, error, attempt, final);
      if (final)
        return { kind: "done", next: head.kind === "event" ? failedEvent(head, event, error, needs.clock()) : [] };
      const { tries, delays, response } = event;
      return { kind: "later", due, tries: tries + 1, delays: delays + 1, response };
    }
  };
}
