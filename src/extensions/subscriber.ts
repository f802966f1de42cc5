import type { TelemetryEvent } from "../observe/index.ts";
import { asLog } from "./logs-schema.ts";
import type { Subscription } from "./subscription.ts";

export interface SubscriberNeeds {
  /** Returns the number by which it is told what came of it. */
  send(payload: Buffer): number;
  dropped(records: number, bytes: number, reason: string): void;
  readonly room: Room;
}

/** What may wait for listeners that do not take it, bytes; shared by all of one environment, who may all be hostile. */
export interface Room {
  bytes: number;
}

/** A batch that was not taken is sent again this often. */
const retries = 2;
const behind = "Consumer seems to have fallen behind as it has not acknowledged receipt of logs.";

/** One extension that listens: events are gathered into batches, of which one is under way at a time. */
export class Subscriber {
  readonly name: string;
  readonly #to: Subscription;
  readonly #needs: SubscriberNeeds;
  #waiting: string[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** the batch under way */
  #delivery = 0;
  #batch: readonly string[] | undefined;
  #tries = 0;
  /** events that found no room */
  #missed = 0;
  #ended = false;

  constructor(name: string, to: Subscription, needs: SubscriberNeeds) {
    this.name = name;
    this.#to = to;
    this.#needs = needs;
  }

  take(event: TelemetryEvent): void {
    const { types, logs, maxItems, maxBytes, timeoutMs } = this.#to;
    const kind = event.type.startsWith("platform.") ? "platform" : (event.type as "function" | "extension");
    if (!types.includes(kind) || this.#ended) return;
    // The Telemetry API says the same with platform.runtimeDone.
    const told = logs ? asLog(event, logs) : event.type === "platform.fault" ? undefined : event;
    if (!told) return;
    const text = JSON.stringify(told);
    const size = Buffer.byteLength(text) + 1;
    if (size > this.#needs.room.bytes) {
      this.#drop();
      return;
    }
    this.#waiting.push(text);
    this.#bytes += size;
    this.#needs.room.bytes -= size;
    if (this.#waiting.length >= maxItems || this.#bytes >= maxBytes) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), timeoutMs);
  }

  /** Sends what is there, unless a batch is under way; then it goes after it. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#batch || this.#waiting.length === 0 || this.#ended) return;
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && count < this.#to.maxItems && (count === 0 || bytes < this.#to.maxBytes)) {
      bytes += Buffer.byteLength(this.#waiting[count++]!) + 1;
    }
    this.#batch = this.#waiting.splice(0, count);
    this.#bytes -= bytes;
    this.#tries = 0;
    this.#send();
  }

  sent(delivery: number, taken: boolean): void {
    if (delivery !== this.#delivery || !this.#batch) return;
    if (!taken && this.#tries++ < retries) {
      this.#retry = setTimeout(() => this.#send(), this.#to.timeoutMs);
      return;
    }
    const batch = this.#batch;
    this.#batch = undefined;
    this.#needs.room.bytes += sizeOf(batch);
    if (!taken) this.#needs.dropped(batch.length, sizeOf(batch), "The destination did not take them.");
    if (this.#bytes >= this.#to.maxBytes) this.flush();
    else if (this.#waiting.length > 0) this.#timer ??= setTimeout(() => this.flush(), this.#to.timeoutMs);
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#retry);
    this.#needs.room.bytes += this.#bytes + sizeOf(this.#batch ?? []);
    this.#waiting = [];
  }

  /** There is no room. What waits here makes place for what comes; where others have it all, that is only counted. */
  #drop(): void {
    this.#missed++;
    if (this.#waiting.length === 0) return;
    const [records, bytes] = [this.#waiting.length + this.#missed, this.#bytes];
    this.#waiting = [];
    this.#bytes = 0;
    this.#missed = 0;
    this.#needs.room.bytes += bytes;
    this.#needs.dropped(records, bytes, behind);
  }

  #send(): void {
    const { port, path } = this.#to.destination;
    const batch = this.#batch!;
    const text = path === undefined ? `${batch.join("\n")}\n` : httpRequest(port, path, `[${batch.join(",")}]`);
    const bytes = Buffer.from(text);
    const front = Buffer.from([port & 0xff, port >> 8, path === undefined ? 1 : 0]);
    this.#delivery = this.#needs.send(Buffer.concat([front, bytes]));
  }
}

function httpRequest(port: number, path: string, body: string): string {
  return (
    `POST ${path} HTTP/1.1\r\nHost: sandbox.localdomain:${port}\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`
  );
}

function sizeOf(batch: readonly string[]): number {
  return batch.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0);
}
