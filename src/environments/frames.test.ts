import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import { describe, test } from "node:test";
import fc from "../../tests/properties.ts";
import {
  decodeError,
  decodeInvoke,
  encodeError,
  encodeFrame,
  FrameReader,
  frameType,
  headerBytes,
  maxPayloadBytes,
  ProtocolError,
  writeFrame,
  writeInvoke,
} from "./frames.ts";

interface Seen {
  type: number;
  flags: number;
  stream: number;
  payload: string;
}

function readAll(chunks: readonly Buffer[]): Seen[] {
  const seen: Seen[] = [];
  const reader = new FrameReader((type, flags, stream, payload) =>
    seen.push({ type, flags, stream, payload: payload.toString("hex") }),
  );
  for (const chunk of chunks) reader.push(chunk);
  assert.equal(reader.partial, false);
  return seen;
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  chunks.push(bytes.subarray(at));
  return chunks;
}

describe("FrameReader", () => {
  test("gives the same frames however the bytes are cut", () => {
    const frame = fc.record({
      type: fc.integer({ min: 0, max: 255 }),
      flags: fc.integer({ min: 0, max: 255 }),
      stream: fc.nat(0xffffffff),
      payload: fc.uint8Array({ maxLength: 40 }),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), fc.array(fc.nat(30), { maxLength: 20 }), (frames, sizes) => {
        const bytes = Buffer.concat(frames.map((f) => encodeFrame(f.type, f.flags, f.stream, f.payload)));
        const expected = frames.map((f) => ({ ...f, payload: Buffer.from(f.payload).toString("hex") }));
        assert.deepEqual(readAll(cut(bytes, sizes)), expected);
      }),
    );
  });

  test("gives a payload that lies within one chunk without copying it", () => {
    const bytes = encodeFrame(frameType.RESPONSE, 1, 7, Buffer.from("hello"));
    let payload: Buffer | undefined;
    new FrameReader((_type, _flags, _stream, got) => {
      payload = got;
    }).push(bytes);
    bytes[headerBytes] = "J".charCodeAt(0);
    assert.equal(payload?.toString(), "Jello");
  });

  test("puts the largest frame together from many chunks and refuses one byte more", () => {
    const large = Buffer.alloc(maxPayloadBytes, "x");
    const bytes = encodeFrame(frameType.RESPONSE, 0, 1, large);
    const sizes = Array.from({ length: 100 }, () => 65536);
    let length = 0;
    const reader = new FrameReader((_type, _flags, _stream, payload) => {
      length = payload.length;
    });
    for (const chunk of cut(bytes, sizes)) reader.push(chunk);
    assert.equal(length, maxPayloadBytes);

    bytes.writeUInt32LE(maxPayloadBytes + 1, 0);
    assert.throws(() => new FrameReader(() => {}).push(bytes), ProtocolError);
    assert.throws(() => readAll(cut(bytes.subarray(0, 12), [5])), ProtocolError);
  });

  test("refuses a header whose reserved bytes are set", () => {
    const bytes = encodeFrame(frameType.PONG, 0, 1);
    bytes[7] = 1;
    assert.throws(() => new FrameReader(() => {}).push(bytes), ProtocolError);
  });

  test("says when the stream would end within a frame", () => {
    const reader = new FrameReader(() => {});
    reader.push(encodeFrame(frameType.LOG, 0, 1, Buffer.from("abc")).subarray(0, 14));
    assert.equal(reader.partial, true);
  });
});

describe("writing", () => {
  for (const size of [0, 1, 4096, 4097, 300_000]) {
    test(`writeFrame and writeInvoke carry ${size} bytes unchanged`, () => {
      const event = Buffer.alloc(size, "0123456789");
      const link = new PassThrough({ highWaterMark: 1 << 20 });
      assert.equal(writeFrame(link, frameType.CHUNK, 1, 9, event), true);
      const head = "Lambda-Runtime-Aws-Request-Id: é\r\n";
      writeInvoke(link, 10, head, event);
      const seen: Buffer[] = [];
      const reader = new FrameReader((_type, _flags, stream, payload) => {
        seen.push(payload);
        assert.equal(stream, 8 + seen.length);
      });
      for (let chunk = link.read(); chunk !== null; chunk = link.read()) reader.push(chunk);
      assert.equal(seen.length, 2);
      assert.ok(event.equals(seen[0]!));
      const invoke = decodeInvoke(seen[1]!);
      assert.equal(invoke.head, head);
      assert.ok(event.equals(invoke.event));
    });
  }

  test("refuses a payload or head that no reader would take", () => {
    const link = new PassThrough();
    assert.throws(() => writeFrame(link, frameType.CHUNK, 0, 1, Buffer.alloc(maxPayloadBytes + 1)), RangeError);
    assert.throws(() => writeInvoke(link, 1, "x".repeat(65536), Buffer.alloc(0)), RangeError);
    assert.equal(link.readableLength, 0);
  });
});

describe("error payload", () => {
  test("comes back as it was", () => {
    const document = Buffer.from('{"errorMessage":"ü"}');
    const { type, document: back } = decodeError(encodeError("Runtime.Ünknown", document));
    assert.equal(type, "Runtime.Ünknown");
    assert.ok(document.equals(back));
  });

  test("is refused when cut short", () => {
    const payload = encodeError("Runtime.Unknown", Buffer.alloc(0));
    for (const length of [0, 1, 2, payload.length - 1])
      assert.throws(() => decodeError(payload.subarray(0, length)), ProtocolError);
  });
});

interface Golden extends Omit<Seen, "payload"> {
  name: string;
  hex: string;
  text?: string;
  head?: string;
  event?: string;
  errorType?: string;
  document?: string;
  source?: number;
  output?: string;
}

describe("golden frames", () => {
  const file = new URL("../../agent/golden/frames.json", import.meta.url);
  const golden: Golden[] = JSON.parse(readFileSync(file, "utf8"));

  for (const frame of golden) {
    test(`${frame.name} means here what it means to the agent`, () => {
      const bytes = Buffer.from(frame.hex, "hex");
      const [seen] = readAll([bytes]);
      const payload = Buffer.from(seen!.payload, "hex");
      const { type, flags, stream } = frame;
      assert.deepEqual({ ...seen, payload: "" }, { type, flags, stream, payload: "" });
      assert.ok(bytes.equals(encodeFrame(type, flags, stream, payload)));
      if (frame.event !== undefined) {
        const invoke = decodeInvoke(payload);
        assert.deepEqual([invoke.head, invoke.event.toString()], [frame.head, frame.event]);
        const link = new PassThrough();
        writeInvoke(link, stream, invoke.head, invoke.event);
        assert.ok(bytes.equals(link.read()));
      } else if (frame.document !== undefined) {
        const error = decodeError(payload);
        assert.deepEqual([error.type, error.document.toString()], [frame.errorType, frame.document]);
        assert.ok(payload.equals(encodeError(error.type, error.document)));
      } else if (frame.output !== undefined) {
        assert.deepEqual([payload[0], payload.toString("utf8", 1)], [frame.source, frame.output]);
      } else {
        assert.equal(payload.toString(), frame.text);
      }
    });
  }
});
