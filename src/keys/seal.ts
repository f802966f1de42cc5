import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from "node:crypto";

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

/** Messages under one derived key: far from the 2^32 that random nonces are safe for. */
const messagesPerKey = 65_536;
/** Derived keys that are kept for opening; each start of the platform, and each so many messages, adds one. */
const keptKeys = 256;

/**
 * AES-256-GCM under keys derived with random salts: random nonces under a single key are safe for 2^32 messages only.
 * Making a key costs more than sealing a small message, so that one serves many.
 * Source: NIST SP 800-38D, section 8.3; SP 800-108 (HMAC as the function).
 */
export function createSealer(key: Uint8Array): Sealer {
  const master = createSecretKey(key);
  const kept = new Map<string, KeyObject>();
  let current = { salt: Buffer.alloc(0), key: master, left: 0 };

  function derived(salt: Uint8Array): KeyObject {
    const name = Buffer.from(salt).toString("latin1");
    const known = kept.get(name);
    if (known !== undefined) return known;
    const made = createSecretKey(createHmac("sha256", master).update("thaw seal 1\0").update(salt).digest());
    if (kept.size >= keptKeys) kept.delete(kept.keys().next().value!);
    kept.set(name, made);
    return made;
  }

  function sealing(): { readonly salt: Buffer; readonly key: KeyObject } {
    if (current.left === 0) {
      const salt = randomBytes(saltBytes);
      current = { salt, key: derived(salt), left: messagesPerKey };
    }
    current.left--;
    return current;
  }

  return {
    seal(plain, context) {
      const { salt, key: own } = sealing();
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv("aes-256-gcm", own, iv).setAAD(Buffer.from(context, "utf8"));
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
