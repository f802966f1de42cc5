import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";

/**
 * Where a signature stands in a zip: in the archive's comment, the last bytes of the file. So signing moves no byte of what
 * is signed, unpacking knows nothing of it, and what was signed is exactly the file as it was without the comment.
 */
export interface Archive {
  /** up to the comment's length, which is the last field before the comment */
  readonly body: Uint8Array;
  readonly comment: string;
}

const endSignature = 0x06054b50;
/** of the end record, without the comment (APPNOTE 4.3.16) */
const endBytes = 22;
const mark = "thaw-signature:";

/** Undefined: no zip. */
export function readArchive(zip: Uint8Array): Archive | undefined {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength);
  const first = Math.max(0, zip.length - endBytes - 0xffff);
  for (let at = zip.length - endBytes; at >= first; at -= 1) {
    if (view.getUint32(at, true) !== endSignature) continue;
    if (view.getUint16(at + 20, true) !== zip.length - at - endBytes) continue;
    const comment = Buffer.from(zip.buffer, zip.byteOffset + at + endBytes, zip.length - at - endBytes);
    return { body: zip.subarray(0, at + 20), comment: comment.toString("latin1") };
  }
  return undefined;
}

/** Bytes hashed at a stretch, about 4 ms: invocations are served between. */
const stretch = 2 * 1024 * 1024;

/** Lower-case hex SHA-256 of the archive without its comment. */
export async function contentDigest({ body }: Archive): Promise<string> {
  const hash = createHash("sha256");
  for (let at = 0; at < body.length; at += stretch) {
    if (at > 0) await setImmediate();
    hash.update(body.subarray(at, at + stretch));
  }
  return hash.update(Uint8Array.of(0, 0)).digest("hex");
}

/** The token in the comment, if there is one. */
export function tokenIn({ comment }: Archive): string | undefined {
  return comment.startsWith(mark) ? comment.slice(mark.length) : undefined;
}

/** The whole file with this token; a comment that was there gives way. */
export function withToken({ body }: Archive, token: string): Buffer {
  const comment = Buffer.from(mark + token, "latin1");
  if (comment.length > 0xffff) throw new Error("a signature does not fit into an archive's comment");
  const length = Buffer.alloc(2);
  length.writeUInt16LE(comment.length);
  return Buffer.concat([body, length, comment]);
}
