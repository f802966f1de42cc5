import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";

/** Bytes of the key that all others are sealed with. */
export const masterKeyBytes = 32;

/** The master key cannot be used. The message names the file and what would be right. */
export class MasterKeyError extends Error {
  override readonly name = "MasterKeyError";
}

export interface MasterKeyPlace {
  /** where one is made at the first start; the folder must exist */
  readonly dataDir: string;
  /** the operator's own, instead: 32 bytes, or those in hex or base64 */
  readonly file?: string | undefined;
}

/** Reads the master key, or makes one that only the platform's user can read. Throws MasterKeyError. */
export function openMasterKey({ dataDir, file }: MasterKeyPlace): Buffer {
  if (file !== undefined) return read(file);
  const path = join(dataDir, "master.key");
  try {
    return read(path);
  } catch (error) {
    if (!(error instanceof MasterKeyError && (error.cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT")) {
      throw error;
    }
  }
  make(path);
  return read(path);
}

/** Whole or not at all, and on the disk before anything is sealed with it. */
function make(path: string): void {
  const draft = `${path}.${process.pid}.new`;
  const descriptor = openSync(draft, "wx", 0o600);
  try {
    writeSync(descriptor, `${randomBytes(masterKeyBytes).toString("base64")}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  try {
    linkSync(draft, path);
  } catch (error) {
    // Somebody else has made one meanwhile: that one counts.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(draft);
  }
  const folder = openSync(dirname(path), "r");
  fsyncSync(folder);
  closeSync(folder);
}

function read(path: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new MasterKeyError(`the master key ${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
  const text = bytes.toString("latin1").trim();
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, "hex");
  if (/^[A-Za-z0-9+/]{43}=$/.test(text)) return Buffer.from(text, "base64");
  if (bytes.length === masterKeyBytes) return bytes;
  throw new MasterKeyError(`the master key ${path} must hold ${masterKeyBytes} bytes, or those in hex or base64`);
}
