import type { Readable } from "node:stream";
import type { TarHeader } from "modern-tar";

/** One entry of a tar; `body` may be left unread. */
export interface TarEntry {
  readonly header: TarHeader;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Entries of a tar, one after the other. The library is loaded with the first one. Rejects on a malformed archive. */
export async function* tarEntries(from: Readable): AsyncGenerator<TarEntry> {
  const { createTarDecoder } = await import("modern-tar");
  const bytes = ReadableStream.from(from) as unknown as globalThis.ReadableStream<Uint8Array>;
  const entries = bytes.pipeThrough(createTarDecoder({ strict: true }));
  const reader = entries.getReader();
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      let read = false;
      const { header, body } = value;
      async function* chunks(): AsyncGenerator<Uint8Array> {
        read = true;
        for await (const chunk of body) yield chunk;
      }
      yield { header, body: { [Symbol.asyncIterator]: chunks } };
      if (!read) for await (const _ of body);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
    from.destroy();
  }
}
