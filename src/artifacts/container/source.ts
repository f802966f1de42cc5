import type { Descriptor } from "./manifest.ts";

/** Where images come from. What it gives is checked by whoever asked. Every method rejects with ImageRefused. */
export interface ImageSource {
  /** The manifest or index that the reference names; of an index, an image by its digest. */
  manifest(digest?: string): Promise<Buffer>;
  /** A blob from byte `from` on: the whole of it where the source cannot do otherwise, as `whole` then says. */
  blob(
    descriptor: Descriptor,
    from: number,
  ): Promise<{ readonly whole: boolean; readonly bytes: AsyncIterable<Uint8Array> }>;
  /** A file of this machine that has a blob and nothing else, and was checked; undefined: it is fetched. */
  file?(digest: string): string | undefined;
}
