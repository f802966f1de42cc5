import { ServiceFailure } from "../client.ts";
import { CommandFailure } from "../failure.ts";
import { note, print, printJson, table } from "../output.ts";
import { askService } from "../services.ts";
import { type CommonOptions, type Connection, connection, spanMs, wholeNumber } from "../settings.ts";

export interface LogsQueryOptions extends CommonOptions {
  readonly function?: readonly string[];
  readonly group?: readonly string[];
  readonly since?: string;
  readonly limit?: string;
}

interface Results {
  readonly status: string;
  readonly results?: readonly (readonly { readonly field: string; readonly value: string }[])[];
  readonly statistics?: Readonly<Record<string, number>>;
}

/** Most log groups of one query (Service Quotas). */
const mostGroups = 50;

/** Asks CloudWatch Logs Insights, waits, and prints a table, or with --json one object a row. */
export async function logsQuery(queryString: string, options: LogsQueryOptions): Promise<void> {
  const at = connection(options);
  const named = [...(options.function ?? []).map((name) => `/aws/lambda/${name}`), ...(options.group ?? [])];
  const logGroupNames = named.length > 0 ? named : await allGroups(at);
  const now = Date.now();
  const { queryId } = await askService<{ queryId: string }>(at, "logs", "StartQuery", {
    logGroupNames,
    queryString,
    startTime: Math.floor((now - spanMs("--since", options.since ?? "1h")) / 1000),
    endTime: Math.ceil(now / 1000),
    ...(options.limit === undefined
      ? {}
      : { limit: wholeNumber("--limit", options.limit, { min: 1, max: 10_000, unit: "rows" }) }),
  }).catch((error: unknown) => {
    throw error instanceof ServiceFailure ? placed(error, queryString) : error;
  });
  const { status, results = [], statistics } = await ended(at, queryId);
  if (status !== "Complete") {
    throw new CommandFailure(`The query ended as ${status}.`, {
      next: "ask for less: fewer groups, a shorter --since",
    });
  }
  const rows = results.map((row) => Object.fromEntries(row.map(({ field, value }) => [field, value])));
  if (options.json) {
    printJson({ results: rows, statistics });
    return;
  }
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) => name !== "@ptr");
  if (rows.length === 0) note("Nothing was found.");
  else
    for (const line of table(
      columns,
      rows.map((row) => columns.map((name) => oneLine(row[name]))),
    ))
      print(line);
}

const oneLine = (text = ""): string =>
  text
    .trimEnd()
    .replace(/\s*\n\s*/g, " ⏎ ")
    .replaceAll("\t", " ");

/** Those of functions. */
async function allGroups(at: Connection): Promise<string[]> {
  const { logGroups = [] } = await askService<{ logGroups?: { logGroupName: string }[] }>(
    at,
    "logs",
    "DescribeLogGroups",
    { logGroupNamePrefix: "/aws/lambda/", limit: mostGroups },
  );
  if (logGroups.length > 0) return logGroups.map(({ logGroupName }) => logGroupName);
  throw new CommandFailure("There are no logs of functions yet.", { next: "thaw invoke NAME" });
}

/** The query with a mark under what is wrong. */
function placed(failure: ServiceFailure, query: string): CommandFailure {
  const [, line, position] = /at line (\d+) and position (\d+)$/.exec(failure.message) ?? [];
  if (line === undefined) return failure;
  const wrong = query.split("\n")[Number(line) - 1] ?? "";
  return new CommandFailure(`${failure.message}\n  ${wrong}\n  ${" ".repeat(Number(position) - 1)}^`, {
    code: failure.code,
  });
}

async function ended(at: Connection, queryId: string): Promise<Results> {
  for (let waitMs = 20; ; waitMs = Math.min(1000, waitMs * 2)) {
    const found = await askService<Results>(at, "logs", "GetQueryResults", { queryId });
    if (found.status !== "Scheduled" && found.status !== "Running") return found;
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}
