import type { StoredEvent } from "../../../observe/index.ts";

/** of AWS's event ids */
export const digits = 56;

/** A place between events: time and number, in the digits of AWS's event ids. */
export const placeOf = ({ timestamp, number }: Pick<StoredEvent, "timestamp" | "number">): string =>
  `${String(Math.max(0, timestamp)).padStart(20, "0")}${String(number).padStart(digits - 20, "0")}`;

/** When it came, as far as its number tells: never before it happened. */
export const ingested = ({ timestamp, number }: Pick<StoredEvent, "timestamp" | "number">): number =>
  Math.max(timestamp, Math.floor(number / 1000));
