import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../tests/properties.ts";
import { type Algorithm, digestOf, ofParts } from "./checksums.ts";

const sumOf = (algorithm: Algorithm, ...pieces: readonly Uint8Array[]): string => {
  const digest = digestOf(algorithm);
  for (const piece of pieces) digest.update(piece);
  return digest.sum().toString("base64");
};

/** Of "123456789". Source: the catalogue of parametrised CRC algorithms. */
const checks = { CRC32: "cbf43926", CRC32C: "e3069283", CRC64NVME: "ae8b14860a799888" } as const;

for (const algorithm of ["CRC32", "CRC32C", "CRC64NVME"] as const) {
  test(`${algorithm} is the one of that name`, () => {
    assert.equal(Buffer.from(sumOf(algorithm, Buffer.from("123456789")), "base64").toString("hex"), checks[algorithm]);
  });

  test(`${algorithm} of parts, put together, is that of the whole`, () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 5 }), (pieces) => {
        const parts = pieces.map((piece) => ({ value: sumOf(algorithm, piece), size: piece.length }));
        assert.equal(ofParts(algorithm, "FULL_OBJECT", parts), sumOf(algorithm, Buffer.concat(pieces)));
        assert.equal(sumOf(algorithm, ...pieces), sumOf(algorithm, Buffer.concat(pieces)));
      }),
    );
  });
}
