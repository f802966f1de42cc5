import type { InvocationLog, TelemetryEvent } from "../observe/index.ts";
import { type Room, Subscriber } from "./subscriber.ts";
import type { Subscription } from "./subscription.ts";

export interface TelemetryNeeds {
  /** bytes for a port of the sandbox's loopback (agent/PROTOCOL.md, SEND) */
  send(delivery: number, payload: Buffer): void;
  readonly log: Pick<InvocationLog, "listen" | "dropped">;
  /** what happens from the first is kept for those who subscribe until the init is over */
  readonly keep: boolean;
}

/** Bytes of text that are kept for those who have not subscribed yet. */
const backlogChars = 1024 * 1024;
/** Bytes that wait for all subscribers of an environment together. */
const roomBytes = 4 * 1024 * 1024;

/** Gives what an environment logs, and what is logged of it, to the extensions that have subscribed. */
export class Telemetry {
  readonly #needs: TelemetryNeeds;
  readonly #subscribers: Subscriber[] = [];
  #backlog: TelemetryEvent[] | undefined;
  #backlogged = 0;
  #deliveries = 0;
  readonly #room: Room = { bytes: roomBytes };

  constructor(needs: TelemetryNeeds) {
    this.#needs = needs;
    if (!needs.keep) return;
    this.#backlog = [];
    needs.log.listen((event) => this.#take(event));
  }

  subscribe(name: string, subscription: Subscription): void {
    if (this.#subscribers.length === 0 && !this.#needs.keep) this.#needs.log.listen((event) => this.#take(event));
    const before = this.#subscribers.findIndex((subscriber) => subscriber.name === name);
    const subscriber = new Subscriber(name, subscription, {
      send: (payload) => {
        this.#needs.send(++this.#deliveries, payload);
        return this.#deliveries;
      },
      room: this.#room,
      dropped: (records, bytes, reason) => this.#needs.log.dropped({ records, bytes, reason }),
    });
    if (before >= 0) this.#subscribers.splice(before, 1)[0]!.end();
    this.#subscribers.push(subscriber);
    for (const event of this.#backlog ?? []) subscriber.take(event);
  }

  /** Nobody subscribes from now on. */
  close(): void {
    this.#backlog = undefined;
    if (this.#subscribers.length === 0) this.#needs.log.listen(undefined);
  }

  sent(delivery: number, taken: boolean): void {
    for (const subscriber of this.#subscribers) subscriber.sent(delivery, taken);
  }

  /** What is there goes now. */
  flush(): void {
    for (const subscriber of this.#subscribers) subscriber.flush();
  }

  end(): void {
    this.#needs.log.listen(undefined);
    for (const subscriber of this.#subscribers) subscriber.end();
  }

  #take(event: TelemetryEvent): void {
    if (this.#backlog && this.#backlogged < backlogChars) {
      this.#backlog.push(event);
      this.#backlogged += typeof event.record === "string" ? event.record.length : 256;
    }
    for (const subscriber of this.#subscribers) subscriber.take(event);
  }
}
