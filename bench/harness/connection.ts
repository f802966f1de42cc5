import { connect, type Socket } from "node:net";
import { monotonicMs } from "../../src/model/index.ts";

/** An HTTP answer with the marks a benchmark needs, monotonicMs(). */
export interface Answer {
  readonly status: number;
  /** header lines without the status line, as they came */
  readonly head: string;
  readonly body: Buffer;
  readonly sent: number;
  /** the answer's first byte was read */
  readonly firstByte: number;
  /** its last byte was read */
  readonly done: number;
}

/** Value of a header, or undefined. */
export function header(answer: Answer, name: string): string | undefined {
  return valueIn(answer.head, name);
}

function valueIn(head: string, name: string): string | undefined {
  return new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, "im").exec(head)?.[1];
}

/** A request ready to be written: the generator does no work between its clock and the socket. */
export function request(
  url: URL,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
  method = "POST",
): Buffer {
  const bytes = Buffer.from(body);
  const lines = Object.entries({
    Host: url.host,
    "Content-Type": "application/json",
    "Content-Length": String(bytes.length),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([
    Buffer.from(`${method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join("")}\r\n`),
    bytes,
  ]);
}

interface Pending {
  readonly sent: number;
  firstByte: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One keep-alive HTTP/1.1 connection over node:net, one request at a time. A client library would put its own queues and
 * parsing into the measurement; this one reads the status, Content-Length or chunked bodies (RFC 9112), and nothing else.
 */
export class Connection {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #pending: Pending | undefined;
  #broken: Error | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#read(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the server closed the connection")));
  }

  static open(url: URL): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect(Number(url.port), url.hostname);
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new Connection(socket));
      });
    });
  }

  /** false once either side has closed it; servers do so with connections that idle */
  get open(): boolean {
    return this.#broken === undefined;
  }

  /** Writes a request (see request()) and resolves with its answer; rejects when the connection ends first. */
  send(bytes: Buffer): Promise<Answer> {
    if (this.#pending) throw new Error("this connection waits for an answer already");
    return new Promise((resolve, reject) => {
      if (this.#broken) return reject(this.#broken);
      this.#pending = { sent: monotonicMs(), firstByte: 0, resolve, reject };
      this.#socket.write(bytes);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const pending = this.#pending;
    if (!pending) {
      this.#socket.destroy(new Error("bytes that nobody asked for"));
      return;
    }
    if (pending.firstByte === 0) pending.firstByte = monotonicMs();
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const parsed = parse(this.#received);
    if (!parsed) return;
    this.#received = Buffer.alloc(0);
    this.#pending = undefined;
    pending.resolve({ ...parsed, sent: pending.sent, firstByte: pending.firstByte, done: monotonicMs() });
  }

  #fail(error: Error): void {
    this.#broken ??= error;
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.reject(error);
  }
}

/** A whole answer, or undefined while bytes are missing. */
function parse(bytes: Buffer): Pick<Answer, "status" | "head" | "body"> | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const text = bytes.toString("latin1", 0, end);
  const status = Number(text.slice(9, 12));
  const head = text.slice(text.indexOf("\r\n") + 2).replaceAll("\r", "");
  const rest = bytes.subarray(end + 4);
  const length = valueIn(head, "content-length");
  if (length !== undefined) {
    if (rest.length < Number(length)) return undefined;
    return { status, head, body: rest.subarray(0, Number(length)) };
  }
  if (valueIn(head, "transfer-encoding")?.toLowerCase() !== "chunked") return { status, head, body: Buffer.alloc(0) };
  const body = chunks(rest);
  return body && { status, head, body };
}

function chunks(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const line = bytes.indexOf("\r\n", at);
    if (line < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, line), 16);
    const start = line + 2;
    if (bytes.length < start + size + 2) return undefined;
    if (size === 0) return Buffer.concat(parts);
    parts.push(bytes.subarray(start, start + size));
    at = start + size + 2;
  }
}
