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
  readonly initMs: number;
}

/** Execution environments that exist now. */
export async function ps(options: CommonOptions): Promise<void> {
  const answer = await askJson<{ environments: readonly Environment[] }>(
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
    return;
  }
  const now = Date.now();
  const rows = answer.environments.map((each) => [
    each.id.slice(0, 12),
    each.version === "$LATEST" ? each.function : `${each.function}:${each.version}`,
    each.state,
    each.start,
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

function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${seconds % 60}s`;
  return `${Math.floor(seconds / 3600)}h${Math.floor((seconds % 3600) / 60)}m`;
}
