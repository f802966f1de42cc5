import type { Duplex } from "node:stream";
import { Conversation } from "./conversation.ts";
import {
  decodeCompiled,
  decodeError,
  decodeRequest,
  FrameReader,
  flagRaw,
  flagReady,
  frameType,
  type OnFrame,
  ProtocolError,
  writeFrame,
  writeInvoke,
} from "./frames.ts";
import type { BesideEvents, LinkEvents, ReadyMarks, RuntimeExit, SentEvent } from "./link-events.ts";
import { SharedConversation } from "./shared-conversation.ts";

export type { BesideEvents, LinkEvents, ReadyMarks, RuntimeExit, SentEvent } from "./link-events.ts";

interface Held {
  /** the agent has been asked whether it has sent all output of before */
  readonly behind: boolean;
  readonly fact: () => void;
}

/** The connections to one environment's agent and runtime: frames out, facts in. */
export interface Link {
  /** the agent has said that the runtime's process is there */
  readonly hasSpawned: boolean;
  /** the runtime's link has ended, and everything that it ever said there has been told */
  readonly hasFallenSilent: boolean;
  boot(document: string): void;
  /** PREPARE: a runtime that is ready on its own link, and has served nothing, gets ready to be copied. Answered by `prepared` or `initError`. */
  prepare(): void;
  /**
   * RESUME: tells a copy that it is one. It is answered by `ready` or `restoreError`. `ahead`: the event that it serves as
   * soon as it is ready, in the same write; only for a runtime with a link of its own.
   */
  wake(via: "frames" | "http", document: string, ahead?: SentEvent): void;
  /** RESUME: tells a copy of a runtime without a function which to load. It is answered by `ready` or `initError`. */
  load(via: "frames" | "http", document: string): void;
  invoke(event: SentEvent): void;
  /** EXTEND: starts external extensions; before boot(). */
  extend(document: string): void;
  /** REPLY: answers a request of an extension. */
  reply(number: number, payload: Uint8Array): void;
  /** SEND: bytes for a port of the sandbox's loopback. */
  send(number: number, payload: Uint8Array): void;
  /** SHUTDOWN: SIGTERM to the runtime, and its end at `deadlineMs` (monotonicMs()) at the latest. */
  terminate(deadlineMs: number): void;
  freeze(): void;
  thaw(): void;
  /** Stops and restarts reading: back-pressure of a streamed answer. */
  pause(): void;
  resume(): void;
  close(): void;
}

/** How long the news of a runtime's end waits for the end of its link (milliseconds); its processes are dead already. */
const lastWordsMs = 100;

/**
 * Speaks the protocol over connections from which HELLO has been taken. Events go to whoever asks for the first one: a
 * runtime on its own link (`runtime`), or one that uses the agent's Runtime API. `shared`: it serves several at once.
 */
export function createLink(agent: Duplex, runtime: Duplex | undefined, events: LinkEvents, shared = false): Link {
  const conversation = shared ? new SharedConversation() : new Conversation();
  let open = true;
  /** where events go */
  let chosen: Duplex | undefined;
  let spawned: number | undefined;
  /** facts of the runtime's link: the first waits until the agent has sent all output of before, the others for their turn */
  const held: Held[] = [];
  /**
   * no more comes on the runtime's link; and it has come to its end, so that nothing can have been lost. A copy that cannot be
   * made may have ended before anybody listened.
   */
  let runtimeEnded = runtime === undefined || runtime.readableEnded || runtime.destroyed;
  let silent = runtimeEnded;
  let exit: { readonly status: RuntimeExit; readonly timer: NodeJS.Timeout } | undefined;
  /** the agent is gone */
  let hungUp: NodeJS.Timeout | undefined;

  const tell: OnFrame = (type, flags, stream, payload) => {
    const ready = (flags & flagReady) !== 0;
    switch (type) {
      case frameType.RESPONSE:
        return events.response(stream, payload, ready);
      case frameType.LOG:
        if (payload.length === 0) throw new ProtocolError("a LOG frame without a source");
        return events.log(payload[0]!, payload.subarray(1), stream);
      case frameType.READY:
        return events.ready(
          stream === 0 ? { spawned, ...loadMarks(payload), via: chosen === agent ? "http" : "frames" } : undefined,
          stream,
        );
      case frameType.PREPARED:
        return events.prepared(booleanIn(parse(payload), "drew"));
      case frameType.RESTORE_ERROR: {
        const { type: name, document } = decodeError(payload);
        return events.restoreError(name, document);
      }
      case frameType.COMPILED: {
        if (!events.compiled) throw new ProtocolError("compiled code that nobody asked for");
        const { name, bytes } = decodeCompiled(payload);
        return events.compiled(name, bytes);
      }
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
      default:
        throw new ProtocolError(`a frame of unknown type 0x${type.toString(16)}`);
    }
  };

  const release = () => {
    held.shift()?.fact();
    while (held.length > 0 && !held[0]!.behind) held.shift()!.fact();
  };

  const fromAgent = new FrameReader((type, flags, stream, payload) => {
    switch (type) {
      case frameType.SPAWNED:
        spawned = numberIn(parse(payload), "spawned");
        return;
      case frameType.PONG:
        return release();
      case frameType.EXIT:
        exit = { status: parse(payload) as RuntimeExit, timer: setTimeout(exited, lastWordsMs) };
        if (runtimeEnded) exited();
        return;
      case frameType.COMPILED:
        throw new ProtocolError("compiled code from an agent");
      case frameType.REQUEST: {
        const { head, body } = decodeRequest(payload);
        return events.beside.request(stream, head, body);
      }
      case frameType.GONE:
        return events.beside.gone(stream);
      case frameType.ENDED:
        return events.beside.ended(parse(payload) as Parameters<BesideEvents["ended"]>[0]);
      case frameType.SENT:
        return events.beside.sent(stream, payload[0] === 1, payload.toString("latin1", 1));
      case frameType.DATAGRAM:
        return events.datagram?.(payload);
      case frameType.READY:
        // Where the runtime has its events from its own link, whoever else asks the agent for one waits in vain.
        if (chosen === runtime && runtime) return;
        chosen = agent;
        conversation.passOver();
    }
    tell(type, flags, stream, payload);
  });

  const fromRuntime = new FrameReader((type, flags, stream, payload) => {
    conversation.take(type, flags, stream, payload);
    let behind = (flags & flagRaw) !== 0;
    if (type === frameType.READY) {
      chosen = runtime;
      // The agent's word of the start may be read after the runtime's, which came later.
      behind ||= spawned === undefined;
    }
    if (!behind && held.length === 0) return tell(type, flags, stream, payload);
    held.push({ behind, fact: () => tell(type, flags, stream, payload) });
    if (behind) writeFrame(agent, frameType.PING, 0, 0);
  });

  /** The runtime is gone, and everything it said has been heard. */
  function exited() {
    if (!open || !exit) return;
    const { status, timer } = exit;
    exit = undefined;
    clearTimeout(timer);
    releaseLast();
    if (open) events.exit(status);
  }

  function end(error?: Error) {
    if (!open) return;
    close();
    events.closed(error);
  }

  function close() {
    open = false;
    clearTimeout(exit?.timer);
    clearTimeout(hungUp);
    agent.destroy();
    runtime?.destroy();
  }

  /** Both live beside hostile code: whatever they say wrongly ends this environment and nothing else. */
  const hear = (reader: FrameReader) => (chunk: Buffer) => {
    if (!open) return;
    try {
      reader.push(chunk);
    } catch (error) {
      end(error as Error);
    }
  };
  /** What is still held when nothing more can come from the agent. */
  function releaseLast() {
    try {
      for (const { fact } of held.splice(0)) fact();
    } catch (error) {
      end(error as Error);
    }
  }

  /** The agent is gone, and with it all processes: what the runtime said before is still to be heard. */
  function last() {
    if (open) releaseLast();
    end();
  }

  agent.on("data", hear(fromAgent));
  agent.on("error", end);
  agent.on("close", () => {
    if (runtimeEnded) last();
    else if (open) hungUp = setTimeout(last, lastWordsMs);
  });
  runtime?.on("data", hear(fromRuntime));
  // A runtime may close its link and live on: its timeout decides. Its death is the agent's to tell.
  const runtimeEnds = () => {
    runtimeEnded = true;
    if (hungUp) last();
    else exited();
  };
  const fallsSilent = () => {
    silent = true;
    runtimeEnds();
  };
  // unix(7): the other end was closed with bytes unread, and what it has written comes first all the same; or it was closed
  // before all that was sent could be written, the last event among it
  const isGone = ({ code }: NodeJS.ErrnoException) => code === "ECONNRESET" || code === "EPIPE";
  runtime?.on("error", (error) => (isGone(error) ? fallsSilent() : runtimeEnds()));
  runtime?.on("end", fallsSilent).on("close", runtimeEnds);

  return {
    get hasSpawned() {
      return spawned !== undefined;
    },
    get hasFallenSilent() {
      return silent;
    },
    boot(document) {
      writeFrame(agent, frameType.BOOT, 0, 0, Buffer.from(document));
    },
    prepare() {
      conversation.prepare();
      writeFrame(runtime!, frameType.PREPARE, 0, 0);
    },
    wake(via, document, ahead) {
      const to = via === "frames" ? runtime! : agent;
      if (via === "frames") conversation.resume(false, ahead?.stream);
      to.cork();
      writeFrame(to, frameType.RESUME, 0, 0, Buffer.from(document));
      if (ahead) {
        // It has its event there: whoever asks the agent for one waits in vain.
        chosen = to;
        writeInvoke(to, ahead.stream, ahead.head, ahead.payload);
      }
      to.uncork();
    },
    load(via, document) {
      if (via === "frames") conversation.resume(true);
      writeFrame(via === "frames" ? runtime! : agent, frameType.RESUME, 0, 0, Buffer.from(document));
    },
    invoke({ stream, head, payload }) {
      if (chosen === runtime) conversation.given(stream);
      writeInvoke(chosen ?? agent, stream, head, payload);
    },
    extend(document) {
      writeFrame(agent, frameType.EXTEND, 0, 0, Buffer.from(document));
    },
    reply(number, payload) {
      writeFrame(agent, frameType.REPLY, 0, number, payload);
    },
    send(number, payload) {
      writeFrame(agent, frameType.SEND, 0, number, payload);
    },
    terminate(deadlineMs) {
      const document = Buffer.from(JSON.stringify({ reason: "shutdown", deadlineMs }));
      writeFrame(agent, frameType.SHUTDOWN, 0, 0, document);
      // One that waits for its next event reads until then.
      runtime?.end();
    },
    freeze() {
      writeFrame(agent, frameType.FREEZE, 0, 0);
    },
    thaw() {
      writeFrame(agent, frameType.THAW, 0, 0);
    },
    pause() {
      chosen?.pause();
    },
    resume() {
      chosen?.resume();
    },
    close,
  };
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString());
  } catch (error) {
    throw new ProtocolError(`a frame whose JSON does not parse: ${(error as Error).message}`);
  }
}

/** READY's own marks; a runtime of the user's own does not send any. */
function loadMarks(payload: Buffer): Pick<ReadyMarks, "load" | "loaded"> {
  const marks = payload.length > 0 ? parse(payload) : undefined;
  return { load: numberIn(marks, "load"), loaded: numberIn(marks, "loaded") };
}

function booleanIn(document: unknown, name: string): boolean | undefined {
  const value = (document as Record<string, unknown> | null | undefined)?.[name];
  return typeof value === "boolean" ? value : undefined;
}

function numberIn(document: unknown, name: string): number | undefined {
  const value = (document as Record<string, unknown> | null | undefined)?.[name];
  return typeof value === "number" ? value : undefined;
}
