import { createHash } from "node:crypto";
import { ServiceError } from "../model/index.ts";
import type { Live } from "./live.ts";
import type { Operation } from "./records.ts";
import { operationEvent } from "./views.ts";

/** Bytes of operations in one page: an event must fit a synchronous invocation's 6 MB with its envelope. */
const pageBytes = 5 * 1024 * 1024;

/**
 * The operations that a replay needs, in order of starts: all but what lies within a context that is complete and does
 * not ask for its children (API GetDurableExecutionState).
 */
export function replayed(live: Live): Operation[] {
  const hidden = new Set<string>();
  return [...live.operations.values()].filter(({ id, parentId }) => {
    if (parentId === undefined) return true;
    const parent = live.operations.get(parentId);
    const complete = parent?.status === "SUCCEEDED" || parent?.status === "FAILED";
    const within = hidden.has(parentId) || (parent?.type === "CONTEXT" && complete && parent.replayChildren !== true);
    if (within) hidden.add(id);
    return !within;
  });
}

export interface StatePage {
  readonly operations: readonly Operation[];
  /** undefined: this was the last page */
  readonly nextMarker: string | undefined;
}

/** One page, by number and by bytes; a page of the API has at least one operation, the first of an event may have none. */
export function statePage(live: Live, marker: string | undefined, max: number, atLeastOne = true): StatePage {
  const operations = replayed(live);
  let index = marker === undefined || marker === "" ? 0 : readMarker(live, operations, marker);
  const page: Operation[] = [];
  let bytes = 0;
  for (; index < operations.length && page.length < max; index += 1) {
    const operation = operations[index]!;
    bytes += sizeOf(operation);
    if (bytes > pageBytes && (page.length > 0 || !atLeastOne)) break;
    page.push(operation);
  }
  const next = operations[index];
  return { operations: page, nextMarker: next === undefined ? undefined : writeMarker(live, next) };
}

/** As the event carries it: quotes inside a payload are escaped there. */
function sizeOf(operation: Operation): number {
  const { input = "", result = "" } = operation;
  // Most operations are small, and counting them exactly would cost as much as writing them.
  if (input.length + result.length < 4096 && operation.error === undefined) return 8192;
  return Buffer.byteLength(JSON.stringify(operationEvent(operation)));
}

/** Operations are only ever added behind, but hidden ones leave: a marker names the operation, not its index. */
function writeMarker(live: Live, next: Operation): string {
  return Buffer.from(JSON.stringify([next.position, digestOf(live.execution.arn)])).toString("base64");
}

function readMarker(live: Live, operations: readonly Operation[], marker: string): number {
  try {
    const [position, digest] = JSON.parse(Buffer.from(marker, "base64").toString("utf8")) as [number, string];
    if (Number.isInteger(position) && digest === digestOf(live.execution.arn)) {
      const index = operations.findIndex((operation) => operation.position >= position);
      return index === -1 ? operations.length : index;
    }
  } catch {
    // Not a marker of ours: said below.
  }
  throw new ServiceError("InvalidParameterValueException", "Invalid marker");
}

const digestOf = (arn: string): string => createHash("sha256").update(arn).digest("base64url").slice(0, 12);

/** The event that a durable function is invoked with, as the SDKs read it. */
export function invocationEvent(live: Live, token: string): Buffer {
  const { operations, nextMarker } = statePage(live, undefined, 1000, false);
  const { execution } = live;
  const updated = [...live.operations.values()].filter(
    ({ touched, type }) => touched > execution.seen && type !== "EXECUTION",
  );
  return Buffer.from(
    JSON.stringify({
      DurableExecutionArn: execution.arn,
      CheckpointToken: token,
      InitialExecutionState: { Operations: operations.map(operationEvent), NextMarker: nextMarker ?? "" },
      UpdatedOperationIds: execution.seen === 0 ? [] : updated.map(({ id }) => id),
    }),
  );
}
