import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import fc from "../../../../tests/properties.ts";
import { dechunked } from "./chunked.ts";
import { S3Error } from "./errors.ts";

const key = Buffer.from("a key");
const check = {
  kind: "chunks",
  key,
  date: "20261122T000000Z",
  scope: "scope",
  seed: "0".repeat(64),
  trailer: false,
} as const;
const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** As clients write it. Signed, if `signs`. */
function chunked(pieces: readonly Uint8Array[], signs: boolean): Buffer {
  let previous: string = check.seed;
  const written = [...pieces.filter(({ length }) => length > 0), new Uint8Array()].map((piece) => {
    const text = `AWS4-HMAC-SHA256-PAYLOAD\n${check.date}\n${check.scope}\n${previous}\n${digest(Buffer.alloc(0))}\n${digest(piece)}`;
    previous = createHmac("sha256", key).update(text).digest("hex");
    const head = `${piece.length.toString(16)}${signs ? `;chunk-signature=${previous}` : ""}\r\n`;
    return Buffer.concat([Buffer.from(head), piece, Buffer.from(piece.length === 0 ? "" : "\r\n")]);
  });
  return Buffer.concat([...written, Buffer.from(signs ? "\r\n" : "x-amz-checksum-crc32:AAAAAA==\r\n\r\n")]);
}

async function read(bytes: Buffer, step: number, signed: boolean) {
  async function* source() {
    for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
  }
  const trailers = new Map<string, string>();
  const pieces: Buffer[] = [];
  for await (const piece of dechunked(source(), trailers, signed ? check : undefined)) pieces.push(piece);
  return { bytes: Buffer.concat(pieces), trailers };
}

const pieces = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 4 });

for (const signed of [true, false]) {
  test(`a body in ${signed ? "signed" : "unsigned"} chunks comes back, however it is cut on the way`, async () => {
    await fc.assert(
      fc.asyncProperty(pieces, fc.integer({ min: 1, max: 50 }), async (given, step) => {
        const { bytes, trailers } = await read(chunked(given, signed), step, signed);
        assert.deepEqual(bytes, Buffer.concat(given));
        assert.equal(trailers.get("x-amz-checksum-crc32"), signed ? undefined : "AAAAAA==");
      }),
    );
  });
}

test("a signed body with one byte changed is refused", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 99 }), fc.nat(), async (given, where) => {
      const bytes = chunked([given], true);
      const start = bytes.indexOf("\r\n") + 2;
      bytes[start + (where % given.length)]! ^= 1;
      await assert.rejects(read(bytes, 20, true), { code: "SignatureDoesNotMatch" });
    }),
  );
});

test("a body that ends before its last chunk is refused", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 99 }), fc.nat(), async (given, where) => {
      const whole = chunked([given], false);
      const end = where % whole.indexOf("0\r\nx-amz");
      await assert.rejects(read(whole.subarray(0, end), 20, false), (error) => error instanceof S3Error);
    }),
  );
});
