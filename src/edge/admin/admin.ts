import { setMaxListeners } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type LiveNeeds, sendLive } from "./live.ts";
import { pagePaths } from "./page-paths.ts";
import { drained, goneOf } from "./reader.ts";

/** One stored line of a function's log. */
export interface LogLine {
  /** milliseconds since the epoch */
  readonly timestamp: number;
  readonly message: string;
  readonly stream: string;
}

/** What the platform's own endpoints show. */
export interface AdminNeeds extends LiveNeeds {
  readonly version: string;
  /** isolation driver in use, runtimes, addresses: `/_thaw/info` */
  info(): Promise<Record<string, unknown>>;
  environments(): readonly unknown[];
  /** queues of asynchronous invocations that have events */
  queues(): readonly unknown[];
  /** how the environments of each function version start, and why */
  versions(): readonly unknown[];
  /** last invocations with their timing, newest first */
  invocations(functionName: string | undefined, limit: number): readonly unknown[];
  /** all that is counted, in Prometheus' text format */
  metrics(): string;
  /** duration and start statistics by function */
  statistics(): readonly unknown[];
  /** lines of a function's log since a time (ms since the epoch), oldest first */
  logs(functionName: string, since: number, limit: number): readonly LogLine[] | Promise<readonly LogLine[]>;
  follow(functionName: string, since: number, signal: AbortSignal): AsyncIterable<LogLine>;
}

type Page = (url: URL, request: IncomingMessage, response: ServerResponse) => unknown;

export interface Admin {
  /** Serves `/_thaw/…` and the health path that scripts written for LocalStack poll. Returns false for any other path. */
  serve(request: IncomingMessage, response: ServerResponse, url: URL): boolean;
  /** Ends what would go on for as long as its reader stays. */
  close(): void;
}

/** Everything but the dashboard (`/_thaw/`) is JSON; logs and what is live are one JSON document a line. */
export function createAdmin(needs: AdminNeeds): Admin {
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const pages: Readonly<Record<string, Page>> = {
    ...Object.fromEntries(pagePaths.map((path) => [path, sendBuilt])),
    "/_thaw": (_url, _request, response) => void response.writeHead(308, { location: "/_thaw/" }).end(),
    "/_thaw/health": () => ({ status: "ok", version: needs.version }),
    "/_thaw/ready": () => ({ status: "ok", version: needs.version }),
    "/_localstack/health": () => ({
      services: { lambda: "running", sts: "running", iam: "running" },
      edition: "thaw",
      version: needs.version,
    }),
    "/_thaw/info": () => needs.info(),
    "/_thaw/environments": () => ({ environments: needs.environments(), versions: needs.versions() }),
    "/_thaw/queues": () => ({ queues: needs.queues() }),
    "/_thaw/statistics": () => ({ statistics: needs.statistics() }),
    "/_thaw/invocations": (url) => ({
      invocations: needs.invocations(url.searchParams.get("function") ?? undefined, count(url, "limit", 100, 1000)),
    }),
    "/_thaw/metrics": (_url, _request, response) => sendMetrics(response, needs.metrics()),
    "/_thaw/live": (_url, request, response) => sendLive(needs, request, response, closing.signal),
    "/_thaw/logs": (url, request, response) => sendLogs(needs, url, request, response, closing.signal),
  };

  function serve(request: IncomingMessage, response: ServerResponse, url: URL): boolean {
    if (!url.pathname.startsWith("/_thaw/") && !(url.pathname in pages)) return false;
    const page = pages[url.pathname];
    if (!page) {
      send(response, 404, { message: `${url.pathname} is not one of ${Object.keys(pages).join(", ")}` });
      return true;
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      send(response, 405, { message: `${url.pathname} answers GET, not ${request.method}` });
      return true;
    }
    void Promise.resolve()
      .then(() => page(url, request, response))
      .then((body) => {
        if (body !== undefined) send(response, 200, body);
      })
      .catch((error: unknown) => {
        const status = error instanceof BadQuery ? 400 : 500;
        if (!response.headersSent) send(response, status, { message: (error as Error).message });
        else response.destroy();
      });
    return true;
  }
  return { serve, close: () => closing.abort() };
}

/** Source: Prometheus, "Exposition formats". */
function sendMetrics(response: ServerResponse, text: string): void {
  response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }).end(text);
}

class BadQuery extends Error {}

/** The dashboard's code is loaded, and its page built, when somebody first looks at it. */
async function sendBuilt({ pathname }: URL, request: IncomingMessage, response: ServerResponse): Promise<undefined> {
  await (await import("./pages.ts")).sendPage(pathname, request, response);
}

async function sendLogs(
  needs: AdminNeeds,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
  closing: AbortSignal,
): Promise<undefined> {
  const name = url.searchParams.get("function");
  if (!name) throw new BadQuery("the query parameter `function` is missing: the name of a function");
  const since = count(url, "since", 0, Number.MAX_SAFE_INTEGER);
  const limit = count(url, "limit", 10_000, 100_000);
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  if (url.searchParams.get("follow") !== "1") {
    for (const line of await needs.logs(name, since, limit)) response.write(`${JSON.stringify(line)}\n`);
    response.end();
    return undefined;
  }
  const gone = goneOf(request, response, closing);
  response.flushHeaders();
  for await (const { timestamp, stream, message } of needs.follow(name, since, gone)) {
    const line: LogLine = { timestamp, stream, message };
    if (!response.write(`${JSON.stringify(line)}\n`)) await drained(response, gone);
  }
  response.end();
  return undefined;
}

function count(url: URL, name: string, byDefault: number, max: number): number {
  const text = url.searchParams.get(name);
  if (text === null) return byDefault;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new BadQuery(`the query parameter \`${name}\` is "${text}": it must be a whole number from 0 to ${max}`);
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}
