import { signal } from "@preact/signals";
import { ask, type Info, key, lines, locked, platform, Refused } from "./api.ts";
import type { Invocation } from "./words.ts";

export interface Environment {
  readonly id: string;
  readonly function: string;
  readonly version: string;
  readonly state: string;
  readonly tenant?: string;
  readonly memoryMb: number;
  readonly memoryBytes: number;
  readonly memoryPeakBytes: number;
  readonly createdAt: number;
  readonly idleMs: number;
  readonly invocations: number;
  readonly start: string;
  readonly provisioned: boolean;
  readonly hibernated: boolean;
  readonly initMs: number;
}

interface Moment {
  readonly at: number;
  readonly totals: { readonly invocations: number; readonly errors: number; readonly starts: number };
  readonly starts: readonly Invocation[];
  readonly invocations: readonly Invocation[];
  readonly environments: readonly Environment[];
  readonly events: Readonly<Record<string, number>>;
}

/** the platform is heard */
export const connected = signal(false);
/** newest first */
export const starts = signal<readonly Invocation[]>([]);
export const invocations = signal<readonly Invocation[]>([]);
export const environments = signal<readonly Environment[]>([]);
export const events = signal<Readonly<Record<string, number>>>({});
export const totals = signal<Moment["totals"]>({ invocations: 0, errors: 0, starts: 0 });
/** invocations per second, over the last seconds */
export const rate = signal(0);
/** what the platform's clock is ahead of this browser's, milliseconds */
export const ahead = signal(0);
/** nothing was heard yet */
export const fresh = signal(true);

const keptStarts = 1000;
const keptInvocations = 400;
const rateOverMs = 4000;
let counted: { at: number; invocations: number }[] = [];

function take(moment: Moment): void {
  const arriving = counted.length === 0;
  ahead.value = moment.at - Date.now();
  starts.value = joined(moment.starts, arriving ? [] : starts.value, keptStarts);
  invocations.value = joined(moment.invocations, arriving ? [] : invocations.value, keptInvocations);
  environments.value = moment.environments;
  events.value = moment.events;
  totals.value = moment.totals;
  counted = [...counted, { at: moment.at, invocations: moment.totals.invocations }];
  counted = counted.filter(({ at }, index) => at > moment.at - rateOverMs || index === counted.length - 1);
  const first = counted[0]!;
  const seconds = (moment.at - first.at) / 1000;
  rate.value = seconds > 0 ? (moment.totals.invocations - first.invocations) / seconds : 0;
  connected.value = true;
  fresh.value = false;
}

function joined(newer: readonly Invocation[], older: readonly Invocation[], keep: number): readonly Invocation[] {
  const seen = new Set(older.slice(0, 500).map(({ requestId }) => requestId));
  const added = newer.filter(({ requestId }) => !seen.has(requestId));
  return added.length === 0 ? older : [...added, ...older].slice(0, keep);
}

/** Listens for as long as the page is there; a platform that goes away is asked again each second. */
export async function listen(): Promise<void> {
  for (;;) {
    try {
      platform.value = await ask<Info>("/_thaw/info");
      if (platform.value.auth === "off" || key.value !== undefined) {
        locked.value = false;
        counted = [];
        for await (const moment of lines<Moment>("/_thaw/live", AbortSignal.any([]))) take(moment);
      } else locked.value = true;
    } catch (error) {
      if (error instanceof Refused && (error.status === 401 || error.status === 403)) key.value = undefined;
    }
    connected.value = false;
    await wait(1000);
  }
}

/** A key was given: no need to wait. */
let wake = () => {};
export const retry = (): void => wake();

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    wake = resolve;
    setTimeout(resolve, ms);
  });
}
