import { KeyRefusal } from "./records.ts";
import { createSealer, SealBroken } from "./seal.ts";

/** What stands before the sealed bytes: which key and which generation of it. */
export interface CiphertextHead {
  readonly keyId: string;
  readonly materialId: string;
}

const mark = Buffer.from("TK1\0", "latin1");
const headBytes = mark.length + 32;

/** Text that goes in beside the secret and must be given again to get it back: names and values, sorted. */
export type EncryptionContext = Readonly<Record<string, string>>;

const bind = (head: Buffer, context: EncryptionContext): string =>
  JSON.stringify([head.toString("hex"), Object.entries(context).sort(([one], [other]) => (one < other ? -1 : 1))]);

/** A ciphertext blob of a symmetric key, bound to the key, its generation and the context. */
export function encryptWith(
  secret: Buffer,
  head: CiphertextHead,
  plain: Uint8Array,
  context: EncryptionContext,
): Buffer {
  const front = Buffer.concat([mark, uuidBytes(head.keyId), uuidBytes(head.materialId)]);
  return Buffer.concat([front, createSealer(secret).seal(plain, bind(front, context))]);
}

/** Throws InvalidCiphertextException, which at AWS has no words. */
export function headOf(blob: Buffer): CiphertextHead {
  if (blob.length <= headBytes || !blob.subarray(0, mark.length).equals(mark)) throw invalidCiphertext();
  return {
    keyId: uuidText(blob.subarray(mark.length, mark.length + 16)),
    materialId: uuidText(blob.subarray(mark.length + 16, headBytes)),
  };
}

/** Throws InvalidCiphertextException: damaged, or of another context. */
export function decryptWith(secret: Buffer, blob: Buffer, context: EncryptionContext): Buffer {
  try {
    return createSealer(secret).open(blob.subarray(headBytes), bind(blob.subarray(0, headBytes), context));
  } catch (error) {
    if (error instanceof SealBroken) throw invalidCiphertext();
    throw error;
  }
}

export const invalidCiphertext = (): KeyRefusal => new KeyRefusal("InvalidCiphertextException", "");

const uuidBytes = (uuid: string): Buffer => Buffer.from(uuid.replaceAll("-", ""), "hex");

function uuidText(bytes: Buffer): string {
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
