import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";

/** Seals small secrets with one key: nobody reads or changes them without it, or puts them in another's place. */
export interface Sealer {
  /** `context` says what the secret is and whose; it is not in the result, and needed to open it. */
  seal(plain: Uint8Array, context: string): Buffer;
  /** Throws SealBroken: changed, of another key, or of another context. */
  open(sealed: Uint8Array, context: string): Buffer;
}

/** What was sealed cannot be opened with this key for this purpose. */
export class SealBroken extends Error {
  override readonly name = "SealBroken";
}

const layout = 1;
const saltBytes = 16;
const ivBytes = 12;
const tagBytes = 16;
const headBytes = 1 + saltBytes + ivBytes + tagBytes;

/**
 * AES-256-GCM under a key of its own for every message, derived with a random salt: random nonces under a single key are
 * safe for 2^32 messages only. Source: NIST SP 800-38D, section 8.3; SP 800-108 (HMAC as the function).
 */
export function createSealer(key: Uint8Array): Sealer {
  const derived = (salt: Uint8Array) => createHmac("sha256", key).update("thaw seal 1\0").update(salt).digest();
  return {
    seal(plain, context) {
      const salt = randomBytes(saltBytes);
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv("aes-256-gcm", derived(salt), iv).setAAD(Buffer.from(context, "utf8"));
      const body = Buffer.concat([cipher.update(plain), cipher.final()]);
      return Buffer.concat([Buffer.of(layout), salt, iv, cipher.getAuthTag(), body]);
    },
    open(sealed, context) {
      const bytes = Buffer.from(sealed);
      if (bytes.length < headBytes || bytes[0] !== layout) throw new SealBroken("not sealed by this platform");
      const salt = bytes.subarray(1, 1 + saltBytes);
      const iv = bytes.subarray(1 + saltBytes, headBytes - tagBytes);
      const decipher = createDecipheriv("aes-256-gcm", derived(salt), iv, { authTagLength: tagBytes });
      decipher.setAAD(Buffer.from(context, "utf8")).setAuthTag(bytes.subarray(headBytes - tagBytes, headBytes));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(headBytes)), decipher.final()]);
      } catch (cause) {
        throw new SealBroken("sealed with another key or for another purpose, or damaged", { cause });
      }
    },
  };
}
