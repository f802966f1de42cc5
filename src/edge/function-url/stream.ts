import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { StreamSink } from "../../model/index.ts";
import { isStatus, writableHeaders } from "../proxy/answer.ts";
import { headerList, isDocument, parsed } from "../proxy/result-2.ts";

/** The type of an answer that begins with its status and headers in JSON, and 8 NUL bytes (`awslambda.HttpResponseStream`). */
const withPrelude = "application/vnd.awslambda.http-integration-response";
const preludeEnd = Buffer.alloc(8);
/** bytes: a prelude that does not end is none */
const longestPrelude = 64 * 1024;

/** Streams a function's answer to the client. */
export interface AnswerStream {
  readonly sink: StreamSink;
  /** the function began to answer with something that is no answer */
  readonly malformed: boolean;
  /** headers are out, and no other answer is possible any more */
  readonly begun: boolean;
  /** Ends the answer where the function has ended its own. */
  end(): void;
}

/** `decorate`: makes what the client gets of the function's headers (CORS, a request id). */
export function answerStream(
  response: ServerResponse,
  decorate: (headers: readonly (readonly [string, string])[]) => readonly (readonly [string, string])[],
): AnswerStream {
  let type = "application/octet-stream";
  /** of an answer with a prelude, what came of it */
  let prelude: Buffer | undefined;
  let begun = false;
  let malformed = false;

  function begin(status: number, headers: readonly (readonly [string, string])[]): void {
    const list = writableHeaders(decorate(headers));
    if (list === undefined) malformed = true;
    else {
      response.writeHead(status, list);
      // A client that waits for the first event of many must see that it is connected.
      response.flushHeaders();
      begun = true;
    }
  }

  function readPrelude(chunk: Buffer): Buffer {
    const seen = prelude!.length;
    prelude = Buffer.concat([prelude!, chunk]);
    const end = prelude.indexOf(preludeEnd, Math.max(0, seen - preludeEnd.length + 1));
    if (end === -1) {
      malformed = prelude.length > longestPrelude;
      return Buffer.alloc(0);
    }
    const rest = prelude.subarray(end + preludeEnd.length);
    const document = parsed(prelude.subarray(0, end))?.value;
    prelude = undefined;
    const { statusCode = 200, headers, multiValueHeaders, cookies } = isDocument(document) ? document : {};
    const list = isDocument(document) ? headerList(headers, multiValueHeaders, cookies) : undefined;
    if (list === undefined || !isStatus(Number(statusCode))) malformed = true;
    else {
      const typed = list.some(([name]) => name.toLowerCase() === "content-type");
      begin(Number(statusCode), typed ? list : [["content-type", "application/octet-stream"], ...list]);
    }
    return rest;
  }

  function write(chunk: Buffer): Promise<void> | undefined {
    if (malformed) return undefined;
    let rest = chunk;
    if (prelude !== undefined) rest = readPrelude(chunk);
    else if (!begun) begin(200, [["content-type", type]]);
    if (!begun || rest.length === 0 || response.destroyed) return undefined;
    return response.write(rest) ? undefined : drained(response);
  }

  return {
    sink: {
      start(contentType) {
        type = contentType;
        if (contentType.split(";")[0]?.trim().toLowerCase() === withPrelude) prelude = Buffer.alloc(0);
      },
      write,
    },
    get malformed() {
      return malformed || (prelude !== undefined && !begun);
    },
    get begun() {
      return begun;
    },
    end() {
      if (!begun) begin(200, [["content-type", type]]);
      response.end();
    },
  };
}

/** Resolves when the client has read enough, or is gone. */
async function drained(response: ServerResponse): Promise<void> {
  const settled = new AbortController();
  try {
    await Promise.race([
      once(response, "drain", { signal: settled.signal }),
      once(response, "close", { signal: settled.signal }),
    ]);
  } finally {
    settled.abort();
  }
}
