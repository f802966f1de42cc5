import { crc32 } from "node:zlib";

/**
 * One message of `application/vnd.amazon.eventstream`: lengths, a checksum of them, headers, payload, a checksum of all.
 * Headers are text only (type 7). Source: Smithy, "Amazon Event Stream Specification".
 */
export function eventMessage(headers: Readonly<Record<string, string>>, payload: Buffer): Buffer {
  const encoded = Buffer.concat(Object.entries(headers).map(([name, value]) => headerOf(name, value)));
  const total = 12 + encoded.length + payload.length + 4;
  const message = Buffer.allocUnsafe(total);
  message.writeUInt32BE(total, 0);
  message.writeUInt32BE(encoded.length, 4);
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8);
  encoded.copy(message, 12);
  payload.copy(message, 12 + encoded.length);
  message.writeUInt32BE(crc32(message.subarray(0, total - 4)), total - 4);
  return message;
}

function headerOf(name: string, value: string): Buffer {
  const head = Buffer.from(`${String.fromCharCode(name.length)}${name}\u0007\0\0`, "latin1");
  const text = Buffer.from(value, "utf8");
  head.writeUInt16BE(text.length, head.length - 2);
  return Buffer.concat([head, text]);
}

/** A piece of the function's answer. */
export function payloadChunk(payload: Buffer): Buffer {
  return eventMessage(
    { ":message-type": "event", ":event-type": "PayloadChunk", ":content-type": "application/octet-stream" },
    payload,
  );
}

/** The end, with the failure and the log if there is one. */
export function invokeComplete(end: { ErrorCode?: string; ErrorDetails?: string; LogResult?: string }): Buffer {
  return eventMessage(
    { ":message-type": "event", ":event-type": "InvokeComplete", ":content-type": "application/json" },
    Buffer.from(JSON.stringify(end)),
  );
}
