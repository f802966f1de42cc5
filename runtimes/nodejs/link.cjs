"use strict";
/**
 * The bootstrap's end of its link to the host: frames of agent/PROTOCOL.md over a socket, read and written with blocking
 * calls. While the runtime waits for its next event nothing of the function runs, as in a frozen environment.
 */
const fs = require("node:fs");

const type = Object.freeze({
  INVOKE: 0x02,
  PREPARE: 0x03,
  RESUME: 0x08,
  READY: 0x82,
  INIT_ERROR: 0x83,
  RESPONSE: 0x84,
  RESPONSE_START: 0x85,
  CHUNK: 0x86,
  RESPONSE_END: 0x87,
  ERROR: 0x88,
  LOG: 0x8a,
  PREPARED: 0x8e,
  RESTORE_ERROR: 0x8f,
  COMPILED: 0x90,
});

/** On RESPONSE, RESPONSE_END and ERROR: this runtime reads its next event at once. */
const READY_FLAG = 0x01;
/** On those, READY, PREPARED, INIT_ERROR and RESTORE_ERROR: output that did not come over the link belongs before it. */
const RAW_FLAG = 0x02;
const HEADER_BYTES = 12;
/** the most that one frame may carry */
const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024;
const BUFFER_BYTES = 64 * 1024;
/** a LOG message longer than this is sent as several; CloudWatch's limit for one event */
const MAX_LOG_BYTES = 1024 * 1024;
/** source of a LOG frame that is one whole message */
const FRAMED = 2;

/** system calls, taken before a function can replace them */
const system = { readSync: fs.readSync, writeSync: fs.writeSync, writevSync: fs.writevSync };

/**
 * @param {number} fd a connected stream socket in blocking mode
 * @param {Pick<typeof fs, "readSync" | "writeSync" | "writevSync">} [calls] what reads and writes it
 */
function openLink(fd, { readSync, writeSync, writevSync } = system) {
  const out = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  const input = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  /** bytes of `input` that have arrived, and of these, how many belong to frames that were received */
  let filled = 0;
  let taken = 0;

  function writeAll(bytes, length) {
    for (let at = 0; at < length; ) at += writeSync(fd, bytes, at, length - at);
  }

  function putHeader(length, frame, flags, stream) {
    out.writeUInt32LE(length, 0);
    out[4] = frame;
    out[5] = flags;
    out[6] = 0;
    out[7] = 0;
    out.writeUInt32LE(stream, 8);
  }

  /** Sends one frame. Text goes into the one output buffer if it may fit (at most 3 bytes a UTF-16 unit). */
  function send(frame, flags, stream, payload) {
    if (typeof payload === "string" && payload.length * 3 <= BUFFER_BYTES - HEADER_BYTES) {
      const length = out.write(payload, HEADER_BYTES);
      putHeader(length, frame, flags, stream);
      writeAll(out, HEADER_BYTES + length);
      return;
    }
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    putHeader(bytes.length, frame, flags, stream);
    if (bytes.length <= BUFFER_BYTES - HEADER_BYTES) {
      out.set(bytes, HEADER_BYTES);
      writeAll(out, HEADER_BYTES + bytes.length);
      return;
    }
    const sent = writevSync(fd, [out.subarray(0, HEADER_BYTES), bytes]) - HEADER_BYTES;
    if (sent < 0) throw new Error("the link took less than a frame's header");
    const rest = bytes.subarray(sent);
    writeAll(rest, rest.length);
  }

  /** Sends INIT_ERROR, RESTORE_ERROR, ERROR or a failing RESPONSE_END: error type, then its JSON document. */
  function sendError(frame, flags, stream, errorType, document) {
    const name = Buffer.from(String(errorType).slice(0, 1024));
    const length = Buffer.alloc(2);
    length.writeUInt16LE(name.length);
    const body = Buffer.from(document);
    send(frame, flags, stream, Buffer.concat([length, name, body.subarray(0, MAX_PAYLOAD_BYTES - 2 - name.length)]));
  }

  /** Sends one message of the log, in order with the answers. Without a host to read it, it is lost. */
  function log(stream, message) {
    const bytes = Buffer.from(message);
    try {
      for (let at = 0; at < bytes.length; at += MAX_LOG_BYTES) {
        const part = bytes.subarray(at, at + MAX_LOG_BYTES);
        send(type.LOG, 0, stream, Buffer.concat([Buffer.of(FRAMED), part]));
      }
    } catch (error) {
      if (error.code !== "EPIPE") throw error;
    }
  }

  /** Reads once. A copy of this process may find the read in which it was copied interrupted: read(2), EINTR. */
  function readSome(into, at, length) {
    for (;;) {
      try {
        return readSync(fd, into, at, length, null);
      } catch (error) {
        if (error.code !== "EINTR") throw error;
      }
    }
  }

  /** Reads until `input` holds `wanted` bytes more than were taken. False: the host has closed the link. */
  function fill(wanted) {
    if (taken === filled || taken + wanted > BUFFER_BYTES) {
      if (taken < filled) input.copyWithin(0, taken, filled);
      filled -= taken;
      taken = 0;
    }
    while (filled - taken < wanted) {
      const count = readSome(input, filled, BUFFER_BYTES - filled);
      if (count === 0) return false;
      filled += count;
    }
    return true;
  }

  /**
   * Waits for the next frame. Its payload lies in a buffer that the next call may overwrite.
   * @returns {{ type: number, stream: number, payload: Buffer } | undefined} undefined once the host has closed the link
   */
  function receive() {
    if (!fill(HEADER_BYTES)) return undefined;
    const length = input.readUInt32LE(taken);
    const frame = { type: input[taken + 4], stream: input.readUInt32LE(taken + 8), payload: undefined };
    if (length > MAX_PAYLOAD_BYTES) throw new Error(`a frame of ${length} bytes`);
    if (HEADER_BYTES + length > BUFFER_BYTES) {
      frame.payload = Buffer.allocUnsafe(length);
      let at = input.copy(frame.payload, 0, taken + HEADER_BYTES, filled);
      taken = filled = 0;
      while (at < length) {
        const count = readSome(frame.payload, at, length - at);
        if (count === 0) return undefined;
        at += count;
      }
      return frame;
    }
    if (!fill(HEADER_BYTES + length)) return undefined;
    const begin = taken + HEADER_BYTES;
    taken = begin + length;
    frame.payload = input.subarray(begin, taken);
    return frame;
  }

  return { send, sendError, log, receive };
}

module.exports = { openLink, type, HEADER_BYTES, READY_FLAG, RAW_FLAG, MAX_PAYLOAD_BYTES };
