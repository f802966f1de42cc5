import { askJson, askLines } from "../client.ts";
import { milliseconds, print, styled } from "../output.ts";
import type { Connection } from "../settings.ts";
import type { Timing } from "../waterfall.ts";

interface LogLine {
  readonly timestamp: number;
  readonly message: string;
}

interface Invocation {
  readonly requestId: string;
  readonly timing: Timing;
  readonly errorType?: string;
}

/** Shows a function's calls and what it writes, until the signal. `seen` gets every line first; true: it is not shown. */
export async function showCalls(
  connection: Connection,
  name: string,
  label: string,
  signal: AbortSignal,
  seen: (message: string) => boolean,
): Promise<void> {
  const query = new URLSearchParams({ function: name, since: String(Date.now()), follow: "1" });
  const head = styled("cyan", label);
  for await (const text of askLines(connection, `/_thaw/logs?${query}`, signal)) {
    const { timestamp, message } = JSON.parse(text) as LogLine;
    const line = message.replace(/\r?\n$/, "");
    if (seen(line) || /^(START|END) RequestId: |^INIT_START /.test(line)) continue;
    const report = /^REPORT RequestId: (\S+)\s+Duration: ([\d.]+) ms/.exec(line);
    const clock = styled("dim", new Date(timestamp).toISOString().slice(11, 23));
    if (report === null) print(`${clock} ${head} ${line}`);
    else print(`${clock} ${head} ${await summary(connection, name, report[1]!, Number(report[2]), line)}`);
  }
}

/** `→ 12.4 ms · restore (start 5.1 ms) · 61 MB` */
async function summary(connection: Connection, name: string, id: string, ms: number, report: string): Promise<string> {
  const memory = /Max Memory Used: (\d+) MB/.exec(report)?.[1];
  const found = await invocation(connection, name, id);
  const start =
    found === undefined
      ? []
      : [
          found.timing.start === "warm"
            ? "warm"
            : `${found.timing.start}, ${milliseconds(found.timing.total - found.timing.handler)} to start`,
        ];
  const failed = found?.errorType ?? /Status: (error|timeout)/.exec(report)?.[1];
  return [
    failed === undefined ? styled("green", `→ ${milliseconds(ms)}`) : styled("red", `✗ ${milliseconds(ms)} ${failed}`),
    ...start,
    ...(memory === undefined ? [] : [`${memory} MB`]),
  ].join(styled("dim", " · "));
}

/** A call is recorded once its answer is sent, which may be a moment after its last line of log. */
async function invocation(connection: Connection, name: string, id: string): Promise<Invocation | undefined> {
  const query = new URLSearchParams({ function: name, limit: "50" });
  for (let turn = 0; turn < 5; turn++) {
    const { invocations } = await askJson<{ invocations: Invocation[] }>(
      connection,
      "GET",
      `/_thaw/invocations?${query}`,
    );
    const found = invocations.find(({ requestId }) => requestId === id);
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return undefined;
}
