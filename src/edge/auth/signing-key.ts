import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { algorithm, type SignedParts } from "./signature.ts";

/** Signing keys that are kept: one for each key, day, region and service in use. */
const keptKeys = 1000;

/** Makes the keys that signatures are checked with, each once. */
export interface SigningKeys {
  /** `secret` is asked for only when the key is made. */
  keyFor(secret: () => string, parts: Pick<SignedParts, "keyId" | "day" | "region" | "service">): Buffer;
}

/** Source: IAM User Guide, "Create a signed AWS API request", step 4. */
export function createSigningKeys(): SigningKeys {
  const kept = new Map<string, Buffer>();
  return {
    keyFor(secret, { keyId, day, region, service }) {
      // A key id never gets another secret.
      const name = `${keyId}/${day}/${region}/${service}`;
      const known = kept.get(name);
      if (known !== undefined) return known;
      const step = (key: Buffer | string, text: string) => createHmac("sha256", key).update(text).digest();
      const made = step(step(step(step(`AWS4${secret()}`, day), region), service), "aws4_request");
      if (kept.size >= keptKeys) kept.delete(kept.keys().next().value!);
      kept.set(name, made);
      return made;
    },
  };
}

/** Signature of a canonical request, 64 hexadecimal digits. */
export function signatureOf(key: Buffer, date: string, scope: string, canonical: string): string {
  const digest = createHash("sha256").update(canonical, "latin1").digest("hex");
  return createHmac("sha256", key).update(`${algorithm}\n${date}\n${scope}\n${digest}`).digest("hex");
}

/** Compares without telling by its time how much is equal. */
export function isSame(expected: string, given: string): boolean {
  return given.length === expected.length && timingSafeEqual(Buffer.from(expected), Buffer.from(given, "latin1"));
}
