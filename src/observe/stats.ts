import type { FunctionVersion, StartKind, Timing } from "../model/index.ts";
import { createHistogram, type Histogram, type Summary } from "./histogram.ts";

export type { Summary };

type Phase = Exclude<keyof Timing, "start">;

/** One invocation as the statistics saw it. */
export interface RecordedInvocation {
  readonly requestId: string;
  readonly account: string;
  readonly function: string;
  readonly version: string;
  /** when it was recorded, ms since the epoch */
  readonly at: number;
  readonly timing: Timing;
  readonly errorType: string | undefined;
}

export interface VersionSummary {
  readonly account: string;
  readonly function: string;
  readonly version: string;
  readonly invocations: number;
  readonly errors: number;
  /** by kind of start: each phase that occurred */
  readonly starts: Readonly<Partial<Record<StartKind, Readonly<Partial<Record<Phase, Summary>>>>>>;
}

/** Durations of all invocations by function version, kind of start and phase, and the last of them one by one. */
export interface Statistics {
  record(
    target: Pick<FunctionVersion, "account" | "name" | "version">,
    requestId: string,
    timing: Timing,
    errorType: string | undefined,
  ): void;
  summary(): VersionSummary[];
  /** Newest first; of one function, if named. */
  recent(limit: number, functionName?: string): RecordedInvocation[];
  /** The same of those that began with a start: they are kept apart, so that warm ones do not push them out. */
  recentStarts(limit: number, functionName?: string): RecordedInvocation[];
  /** of all functions since the platform started */
  totals(): Totals;
}

export interface Totals {
  readonly invocations: number;
  readonly errors: number;
  /** those that were not warm */
  readonly starts: number;
}

export interface StatisticsNeeds {
  /** milliseconds since the epoch */
  clock(): number;
  /** invocations kept one by one, and starts; default 1000 of each */
  readonly keep?: number;
  /** function versions kept; the one first seen makes room; default 2000 */
  readonly versions?: number;
}

interface Version {
  readonly account: string;
  readonly function: string;
  readonly version: string;
  invocations: number;
  errors: number;
  readonly starts: Map<StartKind, Map<Phase, Histogram>>;
}

/** In the order in which they happen. */
const phases: readonly Phase[] = [
  "total",
  "admit",
  "place",
  "sandbox",
  "agent",
  "runtimeBoot",
  "codeInit",
  "restore",
  "hooks",
  "handler",
  "response",
  "unexplained",
];

export function createStatistics(needs: StatisticsNeeds): Statistics {
  const { keep = 1000, versions: maxVersions = 2000 } = needs;
  const versions = new Map<string, Version>();
  const all = createRing(keep);
  const starts = createRing(keep);
  const totals = { invocations: 0, errors: 0, starts: 0 };

  const versionOf = (target: Pick<FunctionVersion, "account" | "name" | "version">): Version => {
    const key = `${target.account}:${target.name}:${target.version}`;
    const known = versions.get(key);
    if (known !== undefined) return known;
    if (versions.size >= maxVersions) forgetOldest(versions);
    const { account, name, version } = target;
    const made: Version = { account, function: name, version, invocations: 0, errors: 0, starts: new Map() };
    versions.set(key, made);
    return made;
  };

  return {
    record(target, requestId, timing, errorType) {
      const version = versionOf(target);
      version.invocations++;
      if (errorType !== undefined) version.errors++;
      recordPhases(version, timing);
      const { account, function: name } = version;
      const recorded: RecordedInvocation = {
        requestId,
        account,
        function: name,
        version: target.version,
        at: needs.clock(),
        timing,
        errorType,
      };
      all.add(recorded);
      totals.invocations++;
      if (errorType !== undefined) totals.errors++;
      if (timing.start === "warm") return;
      totals.starts++;
      starts.add(recorded);
    },
    summary: () => [...versions.values()].map(summaryOf),
    recent: all.newest,
    recentStarts: starts.newest,
    totals: () => ({ ...totals }),
  };
}

/** The last so many. */
function createRing(keep: number) {
  const ring: RecordedInvocation[] = [];
  let next = 0;
  return {
    add(one: RecordedInvocation): void {
      ring[next] = one;
      next = (next + 1) % keep;
    },
    newest(limit: number, functionName?: string): RecordedInvocation[] {
      const newestFirst = [...ring.slice(0, next).reverse(), ...ring.slice(next).reverse()];
      return newestFirst.filter((one) => functionName === undefined || one.function === functionName).slice(0, limit);
    },
  };
}

/** Of those made first: an order by last use would cost every invocation, and this bound is far above what is normal. */
function forgetOldest(versions: Map<string, Version>): void {
  const oldest = versions.keys().next();
  if (!oldest.done) versions.delete(oldest.value);
}

function recordPhases(version: Version, timing: Timing): void {
  let histograms = version.starts.get(timing.start);
  if (histograms === undefined) {
    histograms = new Map();
    version.starts.set(timing.start, histograms);
  }
  for (const phase of phases) {
    const ms = timing[phase];
    // Zero: the phase did not occur, and says nothing about how long it takes when it does.
    if (ms === 0 && phase !== "total") continue;
    let histogram = histograms.get(phase);
    if (histogram === undefined) {
      histogram = createHistogram();
      histograms.set(phase, histogram);
    }
    histogram.record(ms);
  }
}

function summaryOf(version: Version): VersionSummary {
  const { account, function: name, invocations, errors } = version;
  const starts = Object.fromEntries(
    [...version.starts].map(([kind, histograms]) => [
      kind,
      Object.fromEntries([...histograms].map(([phase, histogram]) => [phase, histogram.summary()])),
    ]),
  );
  return { account, function: name, version: version.version, invocations, errors, starts };
}
