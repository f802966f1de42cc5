/** A tumbling window: the records that arrived from `start` on and before `end`, milliseconds since the epoch. */
export interface Window {
  readonly start: number;
  readonly end: number;
}

/** What a function has gathered in a window. Kept on disk until the window is over. */
export interface WindowState {
  readonly start: number;
  /** the function's `state`, JSON */
  readonly state: string;
}

/** `state` may have this many bytes ("Your state can be a maximum of 1 MB per shard"). */
export const mostStateBytes = 1024 * 1024;

/** The window of a record that arrived at `arrived`. Windows begin at whole multiples of their length since the epoch. */
export function windowOf(arrived: number, seconds: number): Window {
  const length = seconds * 1000;
  const start = Math.floor(arrived / length) * length;
  return { start, end: start + length };
}

/**
 * How many records from the first on belong to `window`, or to an earlier one: late records are counted into the window
 * that is open, for an earlier one cannot be opened again.
 */
export function countOfWindow(records: readonly { readonly arrived: number }[], window: Window): number {
  const later = records.findIndex(({ arrived }) => arrived >= window.end);
  return later === -1 ? records.length : later;
}
