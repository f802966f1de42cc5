import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { SignedPayload } from "../../auth/payload.ts";
import { S3Error } from "./errors.ts";

/** What an aws-chunked body says besides its bytes. */
export interface Trailers {
  /** names in lower case */
  readonly headers: ReadonlyMap<string, string>;
}

const longestLine = 16 * 1024;
/** Bytes of one chunk, which is held until its signature has been compared. AWS's own clients send 64 KB to 1 MB. */
const largestChunk = 64 * 1024 * 1024;

/**
 * The bytes of an `aws-chunked` body, and at its end the headers behind it, in `trailers`. Chunks with signatures are given
 * out once theirs is proved; `check` undefined: nobody looks at signatures here. Throws S3Error where it is not what it says.
 * Source: S3 API Reference, "Signature calculations: Transferring payload in multiple chunks" and "with trailing headers".
 */
export async function* dechunked(
  source: AsyncIterable<Buffer>,
  trailers: Map<string, string>,
  check: Extract<SignedPayload, { kind: "chunks" }> | undefined,
): AsyncGenerator<Buffer> {
  const reader = readerOf(source);
  let previous = check?.seed ?? "";
  for (;;) {
    const line = await reader.line();
    const [, digits, signature] = /^([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line) ?? [];
    if (digits === undefined) throw incomplete();
    const size = Number.parseInt(digits, 16);
    if (check === undefined) {
      if (size === 0) break;
      yield* reader.pass(size);
    } else {
      if (size > largestChunk) throw new S3Error("InvalidRequest", `Chunks may have ${largestChunk} bytes at most`);
      const bytes = size === 0 ? Buffer.alloc(0) : await reader.take(size);
      const digest = createHash("sha256").update(bytes).digest("hex");
      const text = ["AWS4-HMAC-SHA256-PAYLOAD", check.date, check.scope, previous, emptyDigest, digest].join("\n");
      previous = signed(check.key, text, signature);
      if (size === 0) break;
      yield bytes;
    }
    if ((await reader.line()) !== "") throw incomplete();
  }
  await readTrailers(reader, trailers);
  const given = trailers.get("x-amz-trailer-signature");
  trailers.delete("x-amz-trailer-signature");
  if (check?.trailer !== true) return;
  const canonical = [...trailers].map(([name, value]) => `${name}:${value}\n`).join("");
  const digest = createHash("sha256").update(canonical).digest("hex");
  signed(check.key, ["AWS4-HMAC-SHA256-TRAILER", check.date, check.scope, previous, digest].join("\n"), given);
}

const emptyDigest = createHash("sha256").digest("hex");

/** The signature, if it is the one given. Throws SignatureDoesNotMatch. */
function signed(key: Buffer, text: string, given: string | undefined): string {
  const right = createHmac("sha256", key).update(text).digest("hex");
  if (given?.length === right.length && timingSafeEqual(Buffer.from(given), Buffer.from(right))) return right;
  throw new S3Error(
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
  );
}

async function readTrailers(reader: Reader, trailers: Map<string, string>): Promise<void> {
  for (;;) {
    // Clients differ in whether a last empty line comes.
    const line = await reader.line(true);
    if (line === "") break;
    const colon = line.indexOf(":");
    if (colon < 1 || trailers.size > 20) {
      throw new S3Error(
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
      );
    }
    trailers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  await reader.rest();
}

interface Reader {
  /** up to the next line break, without it. `orEnd`: the end of the body counts as an empty one */
  line(orEnd?: boolean): Promise<string>;
  take(size: number): Promise<Buffer>;
  pass(size: number): AsyncGenerator<Buffer>;
  /** Reads to the end. */
  rest(): Promise<void>;
}

function readerOf(source: AsyncIterable<Buffer>): Reader {
  const chunks = source[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  let ended = false;

  async function more(): Promise<boolean> {
    if (ended) return false;
    const { value, done } = await chunks.next();
    if (done === true) {
      ended = true;
      return false;
    }
    held = held.length === 0 ? value : Buffer.concat([held, value]);
    return true;
  }

  async function* pass(size: number): AsyncGenerator<Buffer> {
    let left = size;
    while (left > 0) {
      if (held.length === 0 && !(await more())) throw incomplete();
      const piece = held.subarray(0, left);
      held = held.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  return {
    pass,
    async line(orEnd = false) {
      for (;;) {
        const end = held.indexOf("\n");
        if (end !== -1) {
          const line = held.subarray(0, end).toString("latin1").replace(/\r$/, "");
          held = held.subarray(end + 1);
          return line;
        }
        if (held.length > longestLine) throw incomplete();
        if (!(await more())) {
          if (!orEnd) throw incomplete();
          const line = held.toString("latin1");
          held = Buffer.alloc(0);
          return line;
        }
      }
    },
    async take(size) {
      const pieces: Buffer[] = [];
      for await (const piece of pass(size)) pieces.push(piece);
      return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    },
    async rest() {
      do held = Buffer.alloc(0);
      while (await more());
    },
  };
}

const incomplete = (): S3Error => new S3Error("IncompleteBody", "The request body terminated unexpectedly");
