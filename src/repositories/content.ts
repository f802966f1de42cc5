import { createHash, type Hash, randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { type FileHandle, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { RepositoryError } from "./failure.ts";

export const digestPattern = /^sha256:[0-9a-f]{64}$/;

/** Something that is being sent, in one piece or in many. */
export interface Upload {
  readonly id: string;
  /** what it is for: whoever else names the id gets nothing */
  readonly owner: string;
  /** bytes that are here */
  size: number;
}

/** Content under its digest: whole and true, or not there. */
export interface Content {
  begin(owner: string): Promise<Upload>;
  /** Undefined: it is over, it is somebody else's, or an earlier process began it. */
  upload(id: string, owner: string): Upload | undefined;
  /** Takes more of it. What came before a failure is kept. Rejects with RepositoryError when it is too much, or being written to. */
  append(upload: Upload, source: AsyncIterable<Uint8Array>): Promise<void>;
  /**
   * Ends it. Calls `own` once the content is on the disk: before it has returned, nothing takes the content away. Rejects with
   * InvalidLayerException where the digest is another, and then it is over, too.
   */
  finish(upload: Upload, digest: string, own: (size: number) => void): Promise<void>;
  abandon(upload: Upload): Promise<void>;
  /** Keeps bytes that are at hand; `own` as for finish(). */
  put(digest: string, bytes: Uint8Array, own: () => void): Promise<void>;
  read(digest: string): Promise<Buffer>;
  path(digest: string): string;
  /** Takes content away, unless somebody is about to own it. */
  remove(digest: string): void;
  /** Takes away what has no owner. */
  sweep(isOwned: (digest: string) => boolean): void;
}

/** Bytes of a blob: as much as all layers of a function's image may have together. */
const blobBytes = 10 * 1024 ** 3;
/** Uploads at once; each is a file, and who began it may never end it. */
const uploadsAtOnce = 1000;
/** An upload that nobody has touched for so long is over. */
const idleMs = 24 * 3600_000;

interface Writing extends Upload {
  readonly path: string;
  readonly hash: Hash;
  busy: boolean;
  touched: number;
}

export function createContent(directory: string, clock: () => number): Content {
  const blobs = join(directory, "blobs");
  const incoming = join(directory, "incoming");
  // Whose digest is half counted nobody can go on with.
  rmSync(incoming, { recursive: true, force: true });
  for (const path of [directory, blobs, incoming]) mkdirSync(path, { recursive: true, mode: 0o700 });
  const uploads = new Map<string, Writing>();
  /** digests about to be owned, and by how many */
  const arriving = new Map<string, number>();
  const pathOf = (digest: string) => join(blobs, digest.slice("sha256:".length));

  async function begin(owner: string): Promise<Upload> {
    const idle = [...uploads.values()].filter(({ busy, touched }) => !busy && touched < clock() - idleMs);
    for (const upload of idle) await end(upload);
    if (uploads.size >= uploadsAtOnce) {
      throw new RepositoryError("LimitExceededException", "Too many layers are being uploaded at once.");
    }
    const id = randomUUID();
    const path = join(incoming, id);
    await writeFile(path, "", { flag: "wx", mode: 0o600 });
    const upload: Writing = { id, owner, size: 0, path, hash: createHash("sha256"), busy: false, touched: clock() };
    uploads.set(id, upload);
    return upload;
  }

  async function append(given: Upload, source: AsyncIterable<Uint8Array>): Promise<void> {
    const upload = takeHold(given);
    const handle = await open(upload.path, "r+");
    try {
      for await (const chunk of source) {
        if (upload.size + chunk.length > blobBytes) {
          throw new RepositoryError("LimitExceededException", `A layer has at most ${blobBytes} bytes.`);
        }
        await writeAll(handle, chunk, upload.size);
        upload.hash.update(chunk);
        upload.size += chunk.length;
      }
    } finally {
      await handle.close();
      upload.busy = false;
      upload.touched = clock();
    }
  }

  async function finish(given: Upload, digest: string, own: (size: number) => void): Promise<void> {
    const upload = takeHold(given);
    arriving.set(digest, (arriving.get(digest) ?? 0) + 1);
    try {
      const found = `sha256:${upload.hash.digest("hex")}`;
      if (found !== digest) {
        throw new RepositoryError(
          "InvalidLayerException",
          `The layer digest calculated does not match the digest provided: ${found}`,
        );
      }
      await synced(upload.path);
      await rename(upload.path, pathOf(digest));
      await synced(blobs);
      own(upload.size);
    } finally {
      const left = (arriving.get(digest) ?? 1) - 1;
      if (left > 0) arriving.set(digest, left);
      else arriving.delete(digest);
      await end(upload);
    }
  }

  function takeHold({ id }: Upload): Writing {
    const upload = uploads.get(id);
    if (upload === undefined) throw unknownUpload(id);
    if (upload.busy) {
      throw new RepositoryError("InvalidLayerPartException", "Another part of this upload is being received.");
    }
    upload.busy = true;
    return upload;
  }

  async function end(upload: Writing): Promise<void> {
    uploads.delete(upload.id);
    await rm(upload.path, { force: true });
  }

  function remove(digest: string): void {
    if (!arriving.has(digest)) rmSync(pathOf(digest), { force: true });
  }

  return {
    begin,
    upload(id, owner) {
      const upload = uploads.get(id);
      return upload?.owner === owner ? upload : undefined;
    },
    append,
    finish,
    abandon: (upload) => end(takeHold(upload)),
    async put(digest, bytes, own) {
      const upload = await begin("");
      await append(upload, once(bytes));
      await finish(upload, digest, own);
    },
    read: (digest) => readFile(pathOf(digest)),
    path: pathOf,
    remove,
    sweep(isOwned) {
      for (const name of readdirSync(blobs)) {
        const digest = `sha256:${name}`;
        if (!isOwned(digest)) remove(digest);
      }
    },
  };
}

export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

export const unknownUpload = (id: string): RepositoryError =>
  new RepositoryError("UploadNotFoundException", `The upload with id '${id}' does not exist`);

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function writeAll(handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < chunk.length) {
    const { bytesWritten } = await handle.write(chunk, written, chunk.length - written, position + written);
    written += bytesWritten;
  }
}

/** Brings a file to the disk, or the names in a folder. */
async function synced(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
