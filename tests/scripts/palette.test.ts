import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32, deflateSync, inflateSync } from "node:zlib";
import { withPalette } from "../../scripts/palette.ts";

const colours = [
  [255, 255, 255],
  [11, 114, 133],
  [217, 72, 15],
  [20, 20, 20],
] as const;
const width = 8;
const height = 5;
const colourAt = (x: number, y: number) => colours[(x * 3 + y * y) % colours.length]!;

function chunk(type: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type), body]);
  const [size, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  size.writeUInt32BE(body.length);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([size, named, check]);
}

/** A picture whose rows are filtered by each of PNG's five filters in turn. */
function picture(): Buffer {
  const at = (x: number, y: number, channel: number) => (x < 0 || y < 0 ? 0 : colourAt(x, y)[channel]!);
  const rows: number[] = [];
  for (let y = 0; y < height; y++) {
    rows.push(y);
    for (let x = 0; x < width; x++) {
      for (const channel of [0, 1, 2]) {
        const [left, up, corner] = [at(x - 1, y, channel), at(x, y - 1, channel), at(x - 1, y - 1, channel)];
        const far = [left, up, corner].map((each) => Math.abs(left + up - corner - each));
        const paeth = [left, up, corner][far.indexOf(Math.min(...far))]!;
        rows.push((at(x, y, channel) - [0, left, up, (left + up) >> 1, paeth][y]!) & 255);
      }
    }
  }
  const header = Buffer.from([0, 0, 0, width, 0, 0, 0, height, 8, 2, 0, 0, 0]);
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.from(rows))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

test("a picture with a palette has the colours that it had without", () => {
  const small = withPalette(picture());
  const parts = new Map<string, Buffer>();
  for (let at = 8; at < small.length; ) {
    const size = small.readUInt32BE(at);
    const whole = small.subarray(at + 4, at + 8 + size);
    assert.equal(small.readUInt32BE(at + 8 + size), crc32(whole));
    parts.set(whole.toString("latin1", 0, 4), whole.subarray(4));
    at += 12 + size;
  }
  assert.deepEqual([...parts.get("IHDR")!], [0, 0, 0, width, 0, 0, 0, height, 8, 3, 0, 0, 0]);
  const palette = parts.get("PLTE")!;
  const rows = inflateSync(parts.get("IDAT")!);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const index = rows[y * (width + 1) + 1 + x]!;
      assert.deepEqual([...palette.subarray(index * 3, index * 3 + 3)], [...colourAt(x, y)], `${x} ${y}`);
    }
  }
});
