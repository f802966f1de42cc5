import type { Answer, Place, Remote } from "./remote.ts";

/** A service of AWS JSON: its operations are named by a header, input and output are JSON. */
export interface WireService {
  /** as signatures and host names name it: `sqs` */
  readonly service: string;
  /** as host names name it, where that is another name: `streams.dynamodb` */
  readonly endpoint?: string;
  /** before the operation's name: `AmazonSQS` */
  readonly target: string;
  readonly version: "1.0" | "1.1";
}

/** Calls an operation. Rejects with RemoteError when the service says no, with anything else when nobody answers. */
export type RemoteCall = (
  operation: string,
  input: Readonly<Record<string, unknown>>,
  signal?: AbortSignal,
  /** how long the answer may take, milliseconds */
  timeoutMs?: number,
) => Promise<unknown>;

/** What a service says when it does not do what it was asked. */
export class RemoteError extends Error {
  /** without the namespace: `QueueDoesNotExist` */
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status: number) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = status;
  }
}

/** Operations of one service at one place; `place` is asked for each call. */
export function createCalls(
  remote: Pick<Remote, "send">,
  { service, endpoint = service, target, version }: WireService,
  region: string,
  place: () => Place,
): RemoteCall {
  return async (operation, input, signal, timeoutMs) => {
    const answer = await remote.send(
      {
        service,
        endpoint,
        region,
        method: "POST",
        path: "/",
        headers: { "Content-Type": `application/x-amz-json-${version}`, "X-Amz-Target": `${target}.${operation}` },
        body: JSON.stringify(input),
      },
      place(),
      { signal, tries: 3, ...(timeoutMs === undefined ? {} : { timeoutMs }) },
    );
    const said = parsed(answer.body);
    if (answer.status >= 200 && answer.status < 300) return said ?? {};
    throw errorOf(answer, said);
  };
}

function errorOf({ status, headers, body }: Answer, said: Record<string, unknown> | undefined): RemoteError {
  const type = String(headers["x-amzn-errortype"] ?? said?.__type ?? said?.code ?? `HTTP ${status}`);
  const code = type.split(":")[0]!.split("#").at(-1)!;
  const message = said?.message ?? said?.Message ?? body.toString("utf8").slice(0, 500);
  return new RemoteError(code, String(message || code), status);
}

function parsed(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
