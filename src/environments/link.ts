import type { Duplex } from "node:stream";
import { decodeError, FrameReader, flagReady, frameType, ProtocolError, writeFrame, writeInvoke } from "./frames.ts";

/** What an agent tells (agent/PROTOCOL.md), one function a fact. */
export interface LinkEvents {
  ready(stream: number, marks: ReadyMarks | undefined): void;
  initError(errorType: string, document: Buffer): void;
  /** `ready`: the runtime waits for its next event already */
  response(stream: number, body: Buffer, ready: boolean): void;
  streamStart(stream: number, contentType: string): void;
  streamChunk(stream: number, bytes: Buffer): void;
  streamEnd(
    stream: number,
    error: { readonly type: string; readonly document: Buffer } | undefined,
    ready: boolean,
  ): void;
  error(stream: number, errorType: string, document: Buffer, ready: boolean): void;
  /** source 0 stdout, 1 stderr (raw bytes), 2 one whole message */
  log(source: number, bytes: Buffer): void;
  exit(status: RuntimeExit): void;
  /** the connection ended, cleanly or by a broken frame */
  closed(error: Error | undefined): void;
}

/** When the runtime's init passed its stations, monotonicMs(); the last three are known for our own bootstraps only. */
export interface ReadyMarks {
  readonly spawned: number;
  readonly boot?: number;
  readonly load?: number;
  readonly loaded?: number;
}

export interface RuntimeExit {
  readonly code?: number;
  readonly signal?: string;
}

/** The connection to one environment's agent: frames out, facts in. */
export interface Link {
  boot(document: string): void;
  invoke(stream: number, head: string, event: Uint8Array): void;
  freeze(): void;
  thaw(): void;
  /** Stops and restarts reading: back-pressure of a streamed answer. */
  pause(): void;
  resume(): void;
  close(): void;
}

/** Speaks the protocol over a connection from which HELLO has been taken. */
export function createLink(socket: Duplex, events: LinkEvents): Link {
  let skipping = 0;
  let open = true;

  const reader = new FrameReader((type, flags, stream, payload) => {
    if (skipping > 0) {
      // What the runtime of an earlier BOOT still said does not concern the new one; its output does.
      if (type === frameType.PONG) skipping--;
      else if (type === frameType.LOG) events.log(payload[0]!, payload.subarray(1));
      return;
    }
    const ready = (flags & flagReady) !== 0;
    switch (type) {
      case frameType.RESPONSE:
        return events.response(stream, payload, ready);
      case frameType.LOG:
        if (payload.length === 0) throw new ProtocolError("a LOG frame without a source");
        return events.log(payload[0]!, payload.subarray(1));
      case frameType.READY:
        return events.ready(stream, payload.length > 0 ? (parse(payload) as ReadyMarks) : undefined);
      case frameType.ERROR: {
        const { type: name, document } = decodeError(payload);
        return events.error(stream, name, document, ready);
      }
      case frameType.RESPONSE_START:
        return events.streamStart(stream, payload.toString("latin1"));
      case frameType.CHUNK:
        return events.streamChunk(stream, payload);
      case frameType.RESPONSE_END:
        return events.streamEnd(stream, payload.length > 0 ? decodeError(payload) : undefined, ready);
      case frameType.INIT_ERROR: {
        const { type: name, document } = decodeError(payload);
        return events.initError(name, document);
      }
      case frameType.EXIT:
        return events.exit(parse(payload) as RuntimeExit);
      case frameType.PONG:
        return;
      default:
        throw new ProtocolError(`a frame of unknown type 0x${type.toString(16)}`);
    }
  });

  const end = (error?: Error) => {
    if (!open) return;
    open = false;
    socket.destroy();
    events.closed(error);
  };
  socket.on("data", (chunk: Buffer) => {
    if (!open) return;
    try {
      reader.push(chunk);
    } catch (error) {
      // The agent lives beside hostile code: whatever it says wrongly ends this environment and nothing else.
      end(error as Error);
    }
  });
  socket.on("error", end);
  socket.on("close", () => end());

  let booted = false;
  return {
    boot(document) {
      if (booted) {
        skipping++;
        writeFrame(socket, frameType.PING, 0, 0);
      }
      booted = true;
      writeFrame(socket, frameType.BOOT, 0, 0, Buffer.from(document));
    },
    invoke(stream, head, event) {
      writeInvoke(socket, stream, head, event);
    },
    freeze() {
      writeFrame(socket, frameType.FREEZE, 0, 0);
    },
    thaw() {
      writeFrame(socket, frameType.THAW, 0, 0);
    },
    pause() {
      socket.pause();
    },
    resume() {
      socket.resume();
    },
    close() {
      open = false;
      socket.destroy();
    },
  };
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString());
  } catch (error) {
    throw new ProtocolError(`a frame whose JSON does not parse: ${(error as Error).message}`);
  }
}
