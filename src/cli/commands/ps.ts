import { askJson } from "../client.ts";
import { bytes, milliseconds, note, print, printJson, table } from "../output.ts";
import { type CommonOptions, connection } from "../settings.ts";

/** One execution environment as `GET /_thaw/environments` answers it. */
interface Environment {
  readonly id: string;
  readonly function: string;
  readonly version: string;
  readonly state: string;
  readonly memoryMb: number;
  readonly memoryBytes: number;
  readonly memoryPeakBytes: number;
  /** milliseconds since the epoch */
  readonly createdAt: number;
  /** since the last invocation ended; 0 while one runs */
  readonly idleMs: number;
  readonly invocations: number;
  readonly start: string;
  readonly provisioned: boolean;
  readonly hibernated: boolean;
  readonly initMs: number;
}

/** One way to start, as measured. */
interface Rung {
  /** smoothed; absent: not measured yet */
  readonly ms?: number;
  readonly starts: number;
  readonly failures: number;
  readonly lastFailure?: string;
}

/** How a function version starts, of the same page. */
interface Version {
  readonly function: string;
  readonly version: string;
  readonly rung?: string;
  readonly why: string;
  readonly rungs: Readonly<Record<string, Rung>>;
  readonly image: {
    readonly state: string;
    readonly why: string;
    readonly bytes?: number;
    readonly by?: string;
    readonly madeAt?: number;
  };
  readonly provisioned?: { readonly allocated: number; readonly available: number; readonly failure?: string };
}

/** Execution environments that exist now, and how each version's next one would start. */
export async function ps(options: CommonOptions): Promise<void> {
  const answer = await askJson<{ environments: readonly Environment[]; versions: readonly Version[] }>(
    connection(options),
    "GET",
    "/_thaw/environments",
  );
  if (options.json) {
    printJson(answer);
    return;
  }
  if (answer.environments.length === 0) {
    note("No environments are running. They start with the first invocation.");
  } else {
    printEnvironments(answer.environments);
  }
  printStarts(answer.versions);
}

function printEnvironments(environments: readonly Environment[]): void {
  const now = Date.now();
  const rows = environments.map((each) => [
    each.id.slice(0, 12),
    nameOf(each),
    each.hibernated ? "hibernated" : each.state,
    each.provisioned ? `${each.start}, provisioned` : each.start,
    milliseconds(each.initMs),
    each.invocations,
    `${bytes(each.memoryBytes)} of ${each.memoryMb} MB`,
    bytes(each.memoryPeakBytes),
    age(now - each.createdAt),
    each.idleMs > 0 ? age(each.idleMs) : "-",
  ]);
  const headings = ["ID", "FUNCTION", "STATE", "START", "INIT", "CALLS", "MEMORY", "PEAK", "AGE", "IDLE"];
  for (const line of table(headings, rows)) print(line);
}

/** The ladder of each version that has started: what is used, what the others would take, and where its image stands. */
function printStarts(versions: readonly Version[]): void {
  if (versions.length === 0) return;
  const now = Date.now();
  const rows = versions.map((each) => {
    const { image, provisioned, rungs } = each;
    const failures = Object.entries(rungs).filter(([, { failures: count }]) => count > 0);
    return [
      nameOf(each),
      each.rung ?? "-",
      each.why || "-",
      image.bytes === undefined
        ? image.state
        : `${image.state}, ${bytes(image.bytes)}, ${age(now - (image.madeAt ?? now))} old${image.by ? `, by ${image.by}` : ""}`,
      provisioned ? `${provisioned.available} ready` : "-",
      [
        image.why,
        ...failures.map(([rung, { failures: count, lastFailure }]) => `${rung} failed ${count}×: ${lastFailure}`),
        provisioned?.failure ?? "",
      ]
        .filter(Boolean)
        .join("; ") || "-",
    ];
  });
  print("");
  const headings = ["FUNCTION", "STARTS BY", "BECAUSE", "IMAGE", "PROVISIONED", "NOTE"];
  for (const line of table(headings, rows)) print(line);
}

function nameOf(each: { readonly function: string; readonly version: string }): string {
  return each.version === "$LATEST" ? each.function : `${each.function}:${each.version}`;
}

function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${seconds % 60}s`;
  return `${Math.floor(seconds / 3600)}h${Math.floor((seconds % 3600) / 60)}m`;
}
