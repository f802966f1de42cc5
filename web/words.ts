/** How an invocation's environment came to be, the best first. */
export const kinds = ["warm", "clone", "restore", "pool", "plain"] as const;
export type Kind = (typeof kinds)[number];

export const kindWords: Readonly<Record<Kind, { readonly name: string; readonly says: string }>> = {
  warm: { name: "Warm", says: "an environment was idle" },
  clone: { name: "Clone", says: "a copy of a process that was running" },
  restore: { name: "Restored", says: "a copy of the initialised process, from its image" },
  pool: { name: "From the pool", says: "a copy of the booted runtime, which then loaded the code" },
  plain: { name: "Plain", says: "sandbox, runtime and code, one after another" },
};

/** Phases in the order in which they happen, and who they belong to. */
export const phases = [
  { key: "admit", name: "Admission", of: "wait" },
  { key: "place", name: "Waiting for a place", of: "wait" },
  { key: "sandbox", name: "Sandbox", of: "platform" },
  { key: "agent", name: "Agent", of: "platform" },
  { key: "restore", name: "Restore", of: "restore" },
  { key: "runtimeBoot", name: "Runtime boots", of: "runtime" },
  { key: "codeInit", name: "Your init code", of: "code" },
  { key: "hooks", name: "After-restore hooks", of: "code" },
  { key: "handler", name: "Handler", of: "handler" },
  { key: "response", name: "Response", of: "wait" },
  { key: "unexplained", name: "Between the phases", of: "wait" },
] as const;

export type Timing = { readonly start: Kind; readonly total: number } & {
  readonly [phase in (typeof phases)[number]["key"]]: number;
};

export interface Invocation {
  readonly requestId: string;
  readonly account: string;
  readonly function: string;
  readonly version: string;
  readonly at: number;
  readonly timing: Timing;
  readonly errorType?: string;
}

/** What the start added to the call: all but the handler and what a warm call has, too. */
export const startMs = ({ timing }: Invocation): number => Math.max(0, timing.total - timing.handler - timing.response);

/** The environment was ready before its first call came: for others that had come at once, or because it was asked to be kept ready. */
export const wasAhead = ({ timing }: Invocation): boolean =>
  timing.sandbox + timing.agent + timing.restore + timing.runtimeBoot + timing.codeInit === 0;

/** 0 ms, 0.42 ms, 8.1 ms, 130 ms, 2.4 s, 3 min */
export function ms(value: number): string {
  if (value === 0) return "0 ms";
  if (value < 1) return `${value.toFixed(2)} ms`;
  if (value < 10) return `${value.toFixed(1)} ms`;
  if (value < 1000) return `${value.toFixed(0)} ms`;
  if (value < 60_000) return `${(value / 1000).toFixed(value < 10_000 ? 1 : 0)} s`;
  if (value < 3_600_000) return `${Math.floor(value / 60_000)} min`;
  if (value < 172_800_000) return `${Math.floor(value / 3_600_000)} h`;
  return `${Math.floor(value / 86_400_000)} days`;
}

export function bytes(value: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  let left = value;
  while (left >= 1024 && unit < units.length - 1) {
    left /= 1024;
    unit++;
  }
  return `${left < 10 && unit > 0 ? left.toFixed(1) : left.toFixed(0)} ${units[unit]}`;
}

export const whole = (value: number): string => Math.round(value).toLocaleString("en");
export const clockTime = (at: number): string => new Date(at).toLocaleTimeString("en-GB");
export const plural = (count: number, one: string, more = `${one}s`): string =>
  `${whole(count)} ${count === 1 ? one : more}`;
