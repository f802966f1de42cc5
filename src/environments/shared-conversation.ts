import { allowedFlags, Conversation } from "./conversation.ts";
import { flagReady, frameType, ProtocolError } from "./frames.ts";

/** source of a LOG frame that is one whole message: the only one a runtime may name */
const framed = 2;

/**
 * What a runtime may say on its link that serves several events at once (agent/PROTOCOL.md): for each stream what
 * conversation.ts has for the only one, and an answer always with the flag that another event may come in its place.
 */
export class SharedConversation extends Conversation {
  #ready = false;
  /** invocations that it has; true: it answers piece by piece */
  readonly #open = new Map<number, boolean>();

  override given(stream: number): void {
    this.#open.set(stream, false);
  }

  /** Throws: a process that is to serve several events at once is never copied. */
  override prepare(): void {
    throw new Error("PREPARE for a runtime that serves several events at once");
  }

  override resume(): void {
    throw new Error("RESUME for a runtime that serves several events at once");
  }

  override passOver(): void {
    this.#ready = true;
  }

  override take(type: number, flags: number, stream: number, payload: Buffer): void {
    if ((flags & ~allowedFlags(type)) !== 0) throw new ProtocolError(`flags ${flags} on type 0x${type.toString(16)}`);
    switch (type) {
      case frameType.LOG:
        if (payload[0] === framed) return;
        throw new ProtocolError(`a LOG of source ${payload[0]} on a runtime's own link`);
      case frameType.READY:
      case frameType.INIT_ERROR:
        if (this.#ready || stream !== 0) throw new ProtocolError(`a second word of type 0x${type.toString(16)}`);
        this.#ready = type === frameType.READY;
        return;
      case frameType.RESPONSE:
      case frameType.ERROR:
        this.#answered(stream, flags, false);
        return;
      case frameType.RESPONSE_START:
      case frameType.CHUNK: {
        if (this.#open.get(stream) !== (type === frameType.CHUNK)) throw outOfPlace(stream);
        this.#open.set(stream, true);
        return;
      }
      case frameType.RESPONSE_END:
        this.#answered(stream, flags, true);
        return;
      default:
        throw new ProtocolError(`a frame of type 0x${type.toString(16)} from a runtime`);
    }
  }

  #answered(stream: number, flags: number, streaming: boolean): void {
    if (this.#open.get(stream) !== streaming || (flags & flagReady) === 0) throw outOfPlace(stream);
    this.#open.delete(stream);
  }
}

const outOfPlace = (stream: number) => new ProtocolError(`a frame for stream ${stream}, out of its place`);
