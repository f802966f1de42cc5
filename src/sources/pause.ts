import { setTimeout as timeout } from "node:timers/promises";

/** Waits, or less when the signal says so: resolves in both cases. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await timeout(ms, undefined, { signal }).catch(() => undefined);
}

/** How long to wait after the n-th failure in a row (from 1), with full jitter above a half, so that not all come back at once. */
export function backoffMs(
  failures: number,
  { first, most }: { readonly first: number; readonly most: number },
): number {
  const longest = Math.min(first * 2 ** Math.min(failures - 1, 20), most);
  return longest * (0.5 + Math.random() / 2);
}
