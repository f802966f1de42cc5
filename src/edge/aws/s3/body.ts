import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import {
  type Algorithm,
  algorithms,
  type Checksum,
  isSum,
  type Objects,
  type Received,
} from "../../../objects/index.ts";
import type { SignedPayload } from "../../auth/payload.ts";
import { dechunked } from "./chunked.ts";
import { S3Error } from "./errors.ts";

/** Bytes of an object or a part in one request. Source: S3 User Guide, "Uploading objects". */
const largestObject = 5 * 1024 ** 3;

/** The bytes that a request carries, without their wrapping; `trailers` is filled when they have been read. */
export interface Payload {
  readonly bytes: AsyncIterable<Buffer>;
  readonly trailers: ReadonlyMap<string, string>;
  /** what the client says there will be; undefined: it does not */
  readonly length: number | undefined;
}

/** Throws S3Error before anything is read where that is possible, or while it is. */
export function payloadOf(request: IncomingMessage, signed: SignedPayload | undefined): Payload {
  const { headers } = request;
  const trailers = new Map<string, string>();
  const declared = String(headers["x-amz-content-sha256"] ?? "");
  const chunked = declared.startsWith("STREAMING-") || /\baws-chunked\b/i.test(headers["content-encoding"] ?? "");
  const length = chunked ? whole(headers["x-amz-decoded-content-length"]) : whole(headers["content-length"]);
  if (length === undefined && (chunked || headers["transfer-encoding"] === undefined)) {
    if (chunked) throw new S3Error("MissingContentLength", "You must provide the Content-Length HTTP header.");
  }
  if (length !== undefined && length > largestObject) throw tooLarge(length);
  const digest = signed?.kind === "digest" ? signed.sha256 : /^[0-9a-f]{64}$/i.test(declared) ? declared : undefined;
  const plain: AsyncIterable<Buffer> = chunked
    ? dechunked(fromClient(request), trailers, signed?.kind === "chunks" ? signed : undefined)
    : digest === undefined
      ? fromClient(request)
      : hashed(fromClient(request), digest.toLowerCase());
  return { bytes: measured(plain, length), trailers, length };
}

/** Reads a body of at most `limit` bytes, a document. */
export async function smallBody(payload: Payload, limit: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of payload.bytes) {
    size += piece.length;
    if (size > limit) {
      throw new S3Error("MaxMessageLengthExceeded", "Your request was too big.", { MaxMessageLengthBytes: limit });
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** A request's body; who goes away before its end has sent half an object. */
export async function* fromClient(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    yield* request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  } catch {
    throw incomplete();
  }
  if (!request.complete) throw incomplete();
}

async function* measured(source: AsyncIterable<Buffer>, length: number | undefined): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > largestObject) throw tooLarge(size);
    if (length !== undefined && size > length) throw incomplete();
    yield chunk;
  }
  if (length !== undefined && size !== length) throw incomplete();
}

async function* hashed(source: AsyncIterable<Buffer>, sha256: string): AsyncGenerator<Buffer> {
  const hash = createHash("sha256");
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
  const computed = hash.digest("hex");
  if (computed === sha256) return;
  throw new S3Error(
    "XAmzContentSHA256Mismatch",
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
    { ClientComputedContentSHA256: sha256, S3ComputedContentSHA256: computed },
  );
}

/** Content on the disk, and the checksum that goes with it. */
export interface Taken {
  readonly received: Received;
  readonly checksum: Checksum | undefined;
}

/**
 * Takes a request's body in as content, and compares everything that its headers and trailers say about it. `usual` is summed
 * where they ask for nothing. Throws S3Error, and then nothing is kept.
 */
export function takeContent(
  objects: Objects,
  request: IncomingMessage,
  signed: SignedPayload | undefined,
  usual: Algorithm | undefined,
): Promise<Taken> {
  return takePayload(objects, request.headers, () => payloadOf(request, signed), usual);
}

/** A form's file, of a size that its policy allows. `headers`: what its fields say. Throws S3Error, and then nothing is kept. */
export function formContent(
  objects: Objects,
  headers: Headers,
  file: AsyncIterable<Buffer>,
  { from, to }: { readonly from: number; readonly to: number } = { from: 0, to: largestObject },
): Promise<Taken> {
  async function* sized(): AsyncGenerator<Buffer> {
    let size = 0;
    for await (const chunk of measured(file, undefined)) {
      size += chunk.length;
      if (size > to) throw tooLarge(size, to);
      yield chunk;
    }
    if (size >= from) return;
    const why = "Your proposed upload is smaller than the minimum allowed size";
    throw new S3Error("EntityTooSmall", why, { ProposedSize: size, MinSizeAllowed: from });
  }
  const payload = { bytes: sized(), trailers: new Map<string, string>(), length: undefined };
  return takePayload(objects, headers, () => payload, "CRC64NVME");
}

async function takePayload(
  objects: Objects,
  headers: Headers,
  payloadOfIt: () => Payload,
  usual: Algorithm | undefined,
): Promise<Taken> {
  const md5 = headers["content-md5"];
  if (md5 !== undefined && Buffer.from(String(md5), "base64").length !== 16) {
    throw new S3Error("InvalidDigest", "The Content-MD5 you specified was invalid.");
  }
  const given = givenSum(headers);
  const announced = announcedTrailer(String(headers["x-amz-trailer"] ?? ""));
  const asked = given?.algorithm ?? announced ?? askedAlgorithm(headers) ?? usual;
  const payload = payloadOfIt();
  const received = await objects.receive(payload.bytes, asked === undefined ? [] : [asked]);
  try {
    if (md5 !== undefined && Buffer.from(String(md5), "base64").toString("hex") !== received.md5) {
      throw new S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.", {
        ExpectedDigest: String(md5),
        CalculatedDigest: Buffer.from(received.md5, "hex").toString("base64"),
      });
    }
    const value = asked === undefined ? undefined : received.sums[asked];
    const trailer = announced === undefined ? undefined : payload.trailers.get(headerOf(announced));
    if (announced !== undefined && (trailer === undefined || !isSum(announced, trailer))) {
      throw new S3Error(
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
      );
    }
    const said = given?.value ?? trailer;
    if (said !== undefined && said !== value) throw badSum(asked!);
    if (asked === undefined || value === undefined) return { received, checksum: undefined };
    return { received, checksum: { algorithm: asked, value, type: "FULL_OBJECT" } };
  } catch (error) {
    await objects.discard(received);
    throw error;
  }
}

export const headerOf = (algorithm: Algorithm): string => `x-amz-checksum-${algorithm.toLowerCase()}`;

type Headers = IncomingMessage["headers"];

/** The checksum in a request's headers. Throws InvalidRequest where it is none, or there are several. */
export function givenSum(headers: Headers): { algorithm: Algorithm; value: string } | undefined {
  const found = algorithms.filter((algorithm) => headers[headerOf(algorithm)] !== undefined);
  const [algorithm] = found;
  if (algorithm === undefined) return undefined;
  if (found.length > 1) {
    throw new S3Error(
      "InvalidRequest",
      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    );
  }
  const value = String(headers[headerOf(algorithm)]);
  if (!isSum(algorithm, value)) {
    throw new S3Error("InvalidRequest", `Value for ${headerOf(algorithm)} header is invalid.`);
  }
  return { algorithm, value };
}

/** What a client asks to be summed with. Throws InvalidRequest where there is no such algorithm. */
export function askedAlgorithm(headers: Headers): Algorithm | undefined {
  const asked = headers["x-amz-sdk-checksum-algorithm"] ?? headers["x-amz-checksum-algorithm"];
  if (asked === undefined || asked === "") return undefined;
  const known = algorithms.find((algorithm) => algorithm === String(asked).toUpperCase());
  if (known !== undefined) return known;
  throw new S3Error(
    "InvalidRequest",
    "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
  );
}

function announcedTrailer(header: string): Algorithm | undefined {
  const names = header
    .toLowerCase()
    .split(",")
    .map((name) => name.trim());
  return algorithms.find((algorithm) => names.includes(headerOf(algorithm)));
}

const badSum = (algorithm: Algorithm): S3Error =>
  new S3Error("BadDigest", `The ${algorithm} you specified did not match the calculated checksum.`);
const tooLarge = (size: number, most = largestObject): S3Error =>
  new S3Error("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", {
    ProposedSize: size,
    MaxSizeAllowed: most,
  });
const incomplete = (): S3Error =>
  new S3Error("IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header");

function whole(header: string | string[] | undefined): number | undefined {
  if (header === undefined) return undefined;
  return /^\d{1,15}$/.test(String(header)) ? Number(header) : undefined;
}
