import type { IncomingHttpHeaders } from "node:http";
import type { Agent as TlsAgent } from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import { http, https } from "./node-http.ts";

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Where services are, and who asks there. */
export interface Place {
  /** base URL of everything (`http://127.0.0.1:4566`), or `aws` for AWS's own endpoints */
  readonly url: string;
  readonly credentials: Credentials;
}

/** A request of one of AWS's services, not signed yet. */
export interface ServiceRequest {
  /** as signatures name it */
  readonly service: string;
  /** as AWS's host names name it */
  readonly endpoint: string;
  readonly region: string;
  readonly method: string;
  /** with the query */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface SendOptions {
  readonly signal?: AbortSignal | undefined;
  /** how long the answer may take, milliseconds; left out: 20 s */
  readonly timeoutMs?: number;
  /** how often a connection is tried that breaks or is refused; left out: once */
  readonly tries?: number;
}

export interface Remote {
  /**
   * Sends a request, signed with Signature Version 4, and collects the answer, whatever its status. Rejects when nobody
   * answered: with a `TimeoutError`, an `AbortError`, or what the connection said.
   */
  send(request: ServiceRequest, place: Place, options?: SendOptions): Promise<Answer>;
  /** Ends connections that nobody uses. */
  close(): void;
}

const defaultTimeoutMs = 20_000;
/** No service that is asked here answers with more. */
const mostAnswerBytes = 64 * 1024 * 1024;

/** Requests to AWS's services, or to others that speak like them, over connections that are kept. */
export function createRemote(): Remote {
  const plain = new http.Agent({ keepAlive: true });
  let tls: TlsAgent | undefined;
  const secureAgent = () => {
    tls ??= new (https().Agent)({ keepAlive: true });
    return tls;
  };

  /** `again`: the connection was one that was kept, and broke before anything was answered. */
  type Failure = Error & { again?: boolean };

  function once(url: URL, signed: Signed, request: ServiceRequest, options: SendOptions): Promise<Answer> {
    const secure = url.protocol === "https:";
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const away = (secure ? https() : http).request({
      agent: secure ? secureAgent() : plain,
      protocol: url.protocol,
      hostname: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port,
      method: request.method,
      path: signed.path,
      headers: signed.headers,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const timer = setTimeout(() => away.destroy(timeout(url)), options.timeoutMs ?? defaultTimeoutMs);
    let answered = false;
    away.once("response", (answer) => {
      answered = true;
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > mostAnswerBytes)
          away.destroy(new Error(`${url.host} answers with more than ${mostAnswerBytes} bytes`));
        else chunks.push(chunk);
      });
      answer.once("error", reject);
      answer.once("aborted", () => reject(new Error(`${url.host} broke off its answer`)));
      answer.once("end", () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
      );
    });
    away.once("error", (error: Failure) => {
      error.again = away.reusedSocket && !answered && (error as NodeJS.ErrnoException).code === "ECONNRESET";
      reject(error);
    });
    away.end(request.body);
    return promise.finally(() => clearTimeout(timer));
  }

  return {
    async send(request, place, options = {}) {
      const url = baseOf(request, place);
      for (let tried = 1; ; ) {
        const signed = await sign(url, request, place.credentials);
        try {
          return await once(url, signed, request, options);
        } catch (error) {
          options.signal?.throwIfAborted();
          // A server may close a connection in the moment that it is used: that is no try.
          if ((error as Failure).again === true) continue;
          if (tried >= (options.tries ?? 1) || !isBroken(error)) throw error;
          await pause(50 * 2 ** tried * (0.5 + Math.random() / 2), undefined, { signal: options.signal });
          tried += 1;
        }
      }
    },
    close() {
      plain.destroy();
      tls?.destroy();
    },
  };
}

interface Signed {
  readonly path: string;
  readonly headers: Record<string, string>;
}

async function sign(url: URL, request: ServiceRequest, credentials: Credentials): Promise<Signed> {
  const { default: aws4 } = await import("aws4");
  const path = url.pathname.replace(/\/$/, "") + request.path;
  const { service, region, method, body } = request;
  const signed = aws4.sign(
    { host: url.host, path, method, headers: { ...request.headers }, body, service, region },
    credentials,
  );
  const headers = Object.entries(signed.headers as Record<string, unknown>);
  return { path, headers: Object.fromEntries(headers.map(([name, value]) => [name, String(value)])) };
}

function baseOf({ endpoint, region }: ServiceRequest, { url }: Place): URL {
  return new URL(url === "aws" ? `https://${endpoint}.${region}.amazonaws.com` : url);
}

function timeout(url: URL): Error {
  const error = new Error(`${url.host} does not answer`);
  error.name = "TimeoutError";
  return error;
}

function isBroken(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return ["ECONNREFUSED", "ECONNRESET", "EPIPE", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT"].includes(code ?? "");
}
