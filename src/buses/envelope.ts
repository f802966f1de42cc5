import { randomUUID } from "node:crypto";

/** An event on a bus: the document, and the text that it is sent as. */
export interface BusEvent {
  readonly id: string;
  readonly document: Readonly<Record<string, unknown>>;
  /** JSON. Its detail is as it came, with numbers that no parser of ours would keep. */
  readonly text: string;
}

export interface NewEvent {
  readonly source: string;
  readonly detailType: string;
  /** JSON, an object */
  readonly detail: string;
  readonly account: string;
  readonly region: string;
  readonly resources: readonly string[];
  /** milliseconds since the epoch; kept to the second */
  readonly time: number;
}

/** Source: EventBridge User Guide, "Events": the members and their order. */
export function envelope(event: NewEvent): BusEvent {
  const id = randomUUID();
  const { source, account, region, resources } = event;
  const head = {
    version: "0",
    id,
    "detail-type": event.detailType,
    source,
    account,
    time: seconds(event.time),
    region,
    resources,
  };
  const text = `${JSON.stringify(head).slice(0, -1)},"detail":${event.detail}}`;
  return { id, text, document: { ...head, detail: JSON.parse(event.detail) as unknown } };
}

/** `2026-11-22T07:00:00Z` */
export const seconds = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
