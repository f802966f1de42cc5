import type { NewEvent } from "./envelope.ts";
import type { FunctionName } from "./needs.ts";

/** One entry of PutEvents. */
export interface Entry {
  readonly Source?: string | undefined;
  readonly DetailType?: string | undefined;
  readonly Detail?: string | undefined;
  /** seconds since the epoch */
  readonly Time?: number | undefined;
  readonly Resources?: readonly string[] | undefined;
  /** a name, or an ARN */
  readonly EventBusName?: string | undefined;
}

export interface EntryError {
  readonly ErrorCode: string;
  readonly ErrorMessage: string;
}

/** Bytes of all entries of one request (EventBridge User Guide, "Calculating PutEvents event entry size"). */
export const mostEntryBytes = 1024 * 1024;

/** Bytes of an entry, as EventBridge counts them (same page). */
export function entryBytes({ Source = "", DetailType = "", Detail = "", Resources = [], Time }: Entry): number {
  const texts = [Source, DetailType, Detail, ...Resources];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), Time === undefined ? 0 : 14);
}

/** What is wrong with an entry, in EventBridge's words; undefined: nothing. */
export function entryError(entry: Entry): EntryError | undefined {
  for (const name of ["Source", "DetailType", "Detail"] as const) {
    if (entry[name] === undefined || entry[name] === "") return missing(name);
  }
  if (entry.Source?.startsWith("aws.") === true) {
    return { ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source." };
  }
  return isObject(entry.Detail ?? "")
    ? undefined
    : { ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed." };
}

const missing = (name: string): EntryError => ({
  ErrorCode: "InvalidArgument",
  ErrorMessage: `Parameter ${name} is not valid. Reason: ${name} is a required argument.`,
});

/** The event of an entry without errors. */
export const eventOf = (entry: Entry, { account, region }: Omit<FunctionName, "name">, now: number): NewEvent => ({
  source: entry.Source ?? "",
  detailType: entry.DetailType ?? "",
  detail: entry.Detail ?? "",
  account,
  region,
  resources: entry.Resources ?? [],
  time: entry.Time === undefined ? now : entry.Time * 1000,
});

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
