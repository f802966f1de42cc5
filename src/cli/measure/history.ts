import { ask, ServiceFailure } from "../client.ts";
import type { Connection } from "../settings.ts";
import { readReport } from "./call.ts";

/** One call of the past. */
export interface PastCall {
  /** when its handler began, ms since the epoch */
  readonly atMs: number;
  readonly runMs: number;
  /** how long its start took; absent: it was warm */
  readonly initMs?: number;
}

/** What is read at most: 200 pages of 10,000 lines. */
const mostPages = 200;

/**
 * A function's calls since a time, from the REPORT lines of its log group, oldest first: FilterLogEvents of CloudWatch
 * Logs, which is where Lambda writes them. None when there is no such group.
 */
export async function history(connection: Connection, name: string, sinceMs: number): Promise<PastCall[]> {
  // at AWS, each service has a host of its own
  const logs = { ...connection, endpoint: connection.endpoint.replace(/^(https:\/\/)lambda\./, "$1logs.") };
  const calls: PastCall[] = [];
  let nextToken: string | undefined;
  for (let page = 0; page < mostPages; page++) {
    const question = { logGroupName: `/aws/lambda/${name}`, filterPattern: "REPORT", startTime: sinceMs, nextToken };
    const answer = await ask(logs, {
      method: "POST",
      path: "/",
      service: "logs",
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "Logs_20140328.FilterLogEvents",
      },
      body: JSON.stringify(question),
    }).catch((error: unknown) => {
      if (error instanceof ServiceFailure && error.code === "ResourceNotFoundException") return undefined;
      throw error;
    });
    if (answer === undefined) break;
    const found = JSON.parse(answer.body.toString()) as {
      events?: { timestamp: number; message: string }[];
      nextToken?: string;
    };
    for (const { timestamp, message } of found.events ?? []) {
      const { handlerMs, initMs } = readReport(message);
      if (handlerMs === undefined) continue;
      calls.push({ atMs: timestamp - handlerMs, runMs: handlerMs, ...(initMs === undefined ? {} : { initMs }) });
    }
    nextToken = found.nextToken;
    if (nextToken === undefined) break;
  }
  return calls.sort((a, b) => a.atMs - b.atMs);
}

/**
 * Which share of the time at least 1, 2, 3 … calls were running: how busy the first, second, third provisioned
 * environment would have been. `fromMs` to `untilMs` is the time looked at.
 */
export function utilization(calls: readonly PastCall[], fromMs: number, untilMs: number): number[] {
  const steps = calls.flatMap(({ atMs, runMs }) => [
    [Math.max(atMs, fromMs), 1],
    [Math.min(atMs + runMs, untilMs), -1],
  ]) as [number, number][];
  // what ends makes room before what begins at the same time takes it
  steps.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const busyMs: number[] = [];
  let running = 0;
  let last = fromMs;
  for (const [at, change] of steps) {
    for (let level = 0; level < running; level++) busyMs[level] = (busyMs[level] ?? 0) + at - last;
    running += change;
    last = at;
  }
  const whole = untilMs - fromMs;
  return whole > 0 ? busyMs.map((ms) => ms / whole) : [];
}
