import type { Writable } from "node:stream";

/** The frames of agent/PROTOCOL.md, as the host speaks them. */
export const frameType = Object.freeze({
  BOOT: 0x01,
  INVOKE: 0x02,
  PREPARE: 0x03,
  SHUTDOWN: 0x04,
  FREEZE: 0x05,
  THAW: 0x06,
  PING: 0x07,
  RESUME: 0x08,
  EXTEND: 0x09,
  REPLY: 0x0a,
  SEND: 0x0b,
  HELLO: 0x81,
  READY: 0x82,
  INIT_ERROR: 0x83,
  RESPONSE: 0x84,
  RESPONSE_START: 0x85,
  CHUNK: 0x86,
  RESPONSE_END: 0x87,
  ERROR: 0x88,
  LOG: 0x8a,
  EXIT: 0x8b,
  PONG: 0x8c,
  SPAWNED: 0x8d,
  PREPARED: 0x8e,
  RESTORE_ERROR: 0x8f,
  COMPILED: 0x90,
  REQUEST: 0x91,
  GONE: 0x92,
  ENDED: 0x93,
  SENT: 0x94,
  DATAGRAM: 0x95,
});

export type FrameType = (typeof frameType)[keyof typeof frameType];

/** On RESPONSE, RESPONSE_END and ERROR: the runtime is ready for its next event already. */
export const flagReady = 0x01;

/**
 * On a runtime link's READY, PREPARED, INIT_ERROR, RESTORE_ERROR and answers: something was written to the runtime's raw streams since the last one,
 * and comes by way of the agent.
 */
export const flagRaw = 0x02;

/** bytes of a frame's header: u32 length, u8 type, u8 flags, u16 zero, u32 stream; little-endian */
export const headerBytes = 12;

/** most bytes one frame may carry */
export const maxPayloadBytes = 8 * 1024 * 1024;

/** Up to this size copying the payload behind its header costs less than handing the kernel two pieces. */
const copyBelow = 4096;

const noBytes: Buffer = Buffer.alloc(0);

/** The other side broke the protocol: close the connection and kill the environment. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

function putHeader(target: Buffer, length: number, type: number, flags: number, stream: number): void {
  if (length > maxPayloadBytes) throw new RangeError(`a frame carries at most ${maxPayloadBytes} bytes, not ${length}`);
  target.writeUInt32LE(length, 0);
  target[4] = type;
  target[5] = flags;
  target[6] = 0;
  target[7] = 0;
  target.writeUInt32LE(stream, 8);
}

/** One frame as one buffer. Copies the payload: for small frames and tests; `writeFrame` is for the path of an invocation. */
export function encodeFrame(type: number, flags: number, stream: number, ...chunks: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  const frame = Buffer.allocUnsafe(headerBytes + length);
  putHeader(frame, length, type, flags, stream);
  let at = headerBytes;
  for (const chunk of chunks) {
    frame.set(chunk, at);
    at += chunk.length;
  }
  return frame;
}

/**
 * Writes one frame. A large payload goes to the kernel from where it lies, in the same writev(2) as its header, and must
 * not be changed until the stream has taken it. Returns what `write` returned: false asks to wait for `drain`.
 */
export function writeFrame(
  link: Writable,
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = noBytes,
): boolean {
  if (payload.length <= copyBelow) return link.write(encodeFrame(type, flags, stream, payload));
  const header = Buffer.allocUnsafe(headerBytes);
  putHeader(header, payload.length, type, flags, stream);
  return writeTogether(link, header, payload);
}

/**
 * Writes INVOKE: `u16 head length`, head, event. `head` is the header lines of the Runtime API's answer, each ended by
 * CRLF, at most 65,535 bytes of UTF-8; whoever builds it keeps CR and LF out of the values.
 */
export function writeInvoke(link: Writable, stream: number, head: string, event: Uint8Array): boolean {
  const headLength = Buffer.byteLength(head);
  if (headLength > 0xffff) throw new RangeError(`the head of an INVOKE has at most 65535 bytes, not ${headLength}`);
  const together = event.length <= copyBelow;
  const before = headerBytes + 2 + headLength;
  const frame = Buffer.allocUnsafe(together ? before + event.length : before);
  putHeader(frame, 2 + headLength + event.length, frameType.INVOKE, 0, stream);
  frame.writeUInt16LE(headLength, headerBytes);
  frame.write(head, headerBytes + 2);
  if (!together) return writeTogether(link, frame, event);
  frame.set(event, before);
  return link.write(frame);
}

/** cork and uncork make one writev(2) of both. */
function writeTogether(link: Writable, header: Uint8Array, payload: Uint8Array): boolean {
  link.cork();
  link.write(header);
  const more = link.write(payload);
  link.uncork();
  return more;
}

/** Head and event of an INVOKE payload, the event still lying where it lay. */
export function decodeInvoke(payload: Buffer): { head: string; event: Buffer } {
  const { text, rest } = prefixed(payload, "INVOKE");
  return { head: text, event: rest };
}

/** An error payload: `u16 length of type`, type, JSON document as the runtime wrote it. */
export function encodeError(type: string, document: Uint8Array): Buffer {
  const name = Buffer.from(type);
  if (name.length > 0xffff) throw new RangeError("an error type has at most 65535 bytes");
  const payload = Buffer.allocUnsafe(2 + name.length + document.length);
  payload.writeUInt16LE(name.length, 0);
  payload.set(name, 2);
  payload.set(document, 2 + name.length);
  return payload;
}

/** Parts of an error payload (INIT_ERROR, RESTORE_ERROR, ERROR, a failing RESPONSE_END). Throws ProtocolError when it does not parse. */
export function decodeError(payload: Buffer): { type: string; document: Buffer } {
  const { text, rest } = prefixed(payload, "error");
  return { type: text, document: rest };
}

/** COMPILED: `u16 length of name`, the file's name, its bytes. Throws ProtocolError when it does not parse. */
export function decodeCompiled(payload: Buffer): { name: string; bytes: Buffer } {
  const { text, rest } = prefixed(payload, "COMPILED");
  return { name: text, bytes: rest };
}

/** REQUEST: `u16 length of head`, request line and header lines, body. Throws ProtocolError when it does not parse. */
export function decodeRequest(payload: Buffer): { head: string; body: Buffer } {
  const { text, rest } = prefixed(payload, "REQUEST");
  return { head: text, body: rest };
}

function prefixed(payload: Buffer, what: string): { text: string; rest: Buffer } {
  const end = payload.length < 2 ? Number.POSITIVE_INFINITY : 2 + payload.readUInt16LE(0);
  if (end > payload.length) throw new ProtocolError(`${what} payload of ${payload.length} bytes is cut short`);
  return { text: payload.toString("utf8", 2, end), rest: payload.subarray(end) };
}

/**
 * Receives whole frames. `payload` is part of the chunk that was read whenever the frame lay within one chunk; it stays
 * valid, as Node.js reads into fresh memory.
 */
export type OnFrame = (type: number, flags: number, stream: number, payload: Buffer) => void;

/**
 * Cuts a byte stream into frames. Feed it every chunk: `socket.on("data", (chunk) => reader.push(chunk))`. `push` throws
 * ProtocolError on an impossible header and passes on what `onFrame` throws; the reader is of no use afterwards.
 */
export class FrameReader {
  readonly #onFrame: OnFrame;
  /** header of a frame that came in pieces */
  readonly #header = Buffer.alloc(headerBytes);
  #headerFilled = 0;
  /** payload of a frame that came in pieces; undefined while no header is complete */
  #payload: Buffer | undefined;
  #payloadFilled = 0;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** true in the middle of a frame: an end of the stream now is a broken one */
  get partial(): boolean {
    return this.#headerFilled > 0;
  }

  push(chunk: Buffer): void {
    let at = this.#headerFilled > 0 ? this.#continue(chunk) : 0;
    const end = chunk.length;
    while (end - at >= headerBytes) {
      const length = checkedLength(chunk, at);
      const start = at + headerBytes;
      if (end - start < length) break;
      at = start + length;
      const payload = length === 0 ? noBytes : chunk.subarray(start, at);
      this.#onFrame(chunk[start - 8]!, chunk[start - 7]!, chunk.readUInt32LE(start - 4), payload);
    }
    if (at < end) this.#begin(chunk, at);
  }

  /** Keeps the rest of a chunk that ends within a frame. */
  #begin(chunk: Buffer, at: number): void {
    const copied = chunk.copy(this.#header, 0, at, Math.min(at + headerBytes, chunk.length));
    this.#headerFilled = copied;
    if (copied < headerBytes) return;
    this.#payload = Buffer.allocUnsafeSlow(checkedLength(this.#header, 0));
    this.#payloadFilled = chunk.copy(this.#payload, 0, at + headerBytes);
  }

  /** Completes the frame begun by earlier chunks, as far as this one goes; returns where the next frame starts. */
  #continue(chunk: Buffer): number {
    let at = 0;
    if (this.#payload === undefined) {
      at = chunk.copy(this.#header, this.#headerFilled, 0, headerBytes - this.#headerFilled);
      this.#headerFilled += at;
      if (this.#headerFilled < headerBytes) return at;
      this.#payload = Buffer.allocUnsafeSlow(checkedLength(this.#header, 0));
      this.#payloadFilled = 0;
    }
    const payload = this.#payload;
    const copied = chunk.copy(payload, this.#payloadFilled, at);
    this.#payloadFilled += copied;
    if (this.#payloadFilled < payload.length) return chunk.length;
    this.#payload = undefined;
    this.#headerFilled = 0;
    this.#onFrame(this.#header[4]!, this.#header[5]!, this.#header.readUInt32LE(8), payload);
    return at + copied;
  }
}

function checkedLength(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32LE(at);
  if (length > maxPayloadBytes) throw new ProtocolError(`a frame of ${length} bytes`);
  if (bytes[at + 6] !== 0 || bytes[at + 7] !== 0) throw new ProtocolError("a frame header with reserved bytes set");
  return length;
}
