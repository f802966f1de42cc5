import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { eventMessage } from "./event-stream.ts";

test("a message is laid out and summed as the specification says", () => {
  const message = eventMessage({ a: "xyz" }, Buffer.from("payload"));
  const headers = Buffer.from([1, 0x61, 7, 0, 3, 0x78, 0x79, 0x7a]);
  assert.equal(message.length, 12 + headers.length + 7 + 4);
  assert.equal(message.readUInt32BE(0), message.length);
  assert.equal(message.readUInt32BE(4), headers.length);
  assert.equal(message.readUInt32BE(8), crc32(message.subarray(0, 8)));
  assert.deepEqual(message.subarray(12, 20), headers);
  assert.equal(message.subarray(20, 27).toString(), "payload");
  assert.equal(message.readUInt32BE(27), crc32(message.subarray(0, 27)));
});
