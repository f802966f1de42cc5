import { askLines } from "../client.ts";
import { print, styled } from "../output.ts";
import { type CommonOptions, connection, spanMs, wholeNumber } from "../settings.ts";

interface LogsOptions extends CommonOptions {
  readonly follow?: boolean;
  readonly since?: string;
  readonly limit?: string;
}

/** One line of the log as the server sends it. */
interface LogLine {
  /** milliseconds since the epoch */
  readonly timestamp: number;
  readonly message: string;
  readonly stream: string;
}

/** Prints a function's log, oldest line first. With --json each line is one JSON object (NDJSON). */
export async function logs(name: string, options: LogsOptions): Promise<void> {
  const query = new URLSearchParams({ function: name });
  if (options.since !== undefined) query.set("since", String(Date.now() - spanMs("--since", options.since)));
  if (options.follow) query.set("follow", "1");
  const limit =
    options.limit === undefined
      ? 1000
      : wholeNumber("--limit", options.limit, { min: 1, max: 1_000_000, unit: "lines" });
  query.set("limit", String(limit));

  const abort = new AbortController();
  if (options.follow) for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => abort.abort());
  for await (const text of askLines(connection(options), `/_thaw/logs?${query}`, abort.signal)) {
    if (options.json) {
      print(text);
      continue;
    }
    const line = JSON.parse(text) as LogLine;
    const message = line.message.replace(/\r?\n$/, "");
    // a terminal shows when; a pipe gets the lines as the function and the platform wrote them
    print(process.stdout.isTTY ? `${styled("dim", clockTime(line.timestamp))} ${message}` : message);
  }
}

function clockTime(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(11, 23);
}
