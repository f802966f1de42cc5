import { instant, type StreamRecord } from "./records.ts";
import type { Window } from "./windows.ts";

/** What an event of a tumbling window says beside its records. */
export interface WindowEvent {
  readonly window: Window;
  /** JSON */
  readonly state: string;
  readonly shard: string;
  readonly sourceArn: string;
  readonly final: boolean;
  readonly early: boolean;
}

/**
 * The event of a function. Source: Developer Guide, "Process Amazon Kinesis Data Streams records with Lambda" and
 * "Implementing stateful Kinesis Data Streams processing in Lambda".
 */
export function payloadOf(records: readonly StreamRecord[], window?: WindowEvent): Buffer {
  const list = `{"Records":[${records.map(({ json }) => json).join(",")}]`;
  if (window === undefined) return Buffer.from(`${list}}`);
  const { start, end } = window.window;
  const rest = {
    shardId: window.shard,
    eventSourceARN: window.sourceArn,
    isFinalInvokeForWindow: window.final,
    isWindowTerminatedEarly: window.early,
  };
  const bounds = JSON.stringify({ start: instant(start), end: instant(end) });
  return Buffer.from(`${list},"window":${bounds},"state":${window.state},${JSON.stringify(rest).slice(1)}`);
}
