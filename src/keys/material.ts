import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { KeyRefusal, type KeyUsage } from "./records.ts";

/** What the secret of a new key is: bytes, or a pair. */
export interface FreshMaterial {
  readonly secret: Buffer;
  /** SubjectPublicKeyInfo in DER */
  readonly publicKey?: Buffer;
}

const hmacBytes: Readonly<Record<string, number>> = { HMAC_224: 28, HMAC_256: 32, HMAC_384: 48, HMAC_512: 64 };
const rsaBits: Readonly<Record<string, number>> = { RSA_2048: 2048, RSA_3072: 3072, RSA_4096: 4096 };
const curves: Readonly<Record<string, string>> = {
  ECC_NIST_P256: "prime256v1",
  ECC_NIST_P384: "secp384r1",
  ECC_NIST_P521: "secp521r1",
  ECC_SECG_P256K1: "secp256k1",
};

/** What a key of this spec may be used for. Throws UnsupportedOperationException for specs that are not made here. */
export function usagesOf(spec: string): readonly KeyUsage[] {
  if (spec === "SYMMETRIC_DEFAULT") return ["ENCRYPT_DECRYPT"];
  if (spec in hmacBytes) return ["GENERATE_VERIFY_MAC"];
  if (spec in rsaBits) return ["ENCRYPT_DECRYPT", "SIGN_VERIFY"];
  if (spec in curves) return ["SIGN_VERIFY"];
  throw new KeyRefusal("UnsupportedOperationException", `KeySpec ${spec} is not supported here`);
}

/** A new secret for a key of this spec, at random. */
export function freshMaterial(spec: string): FreshMaterial {
  if (spec === "SYMMETRIC_DEFAULT") return { secret: randomBytes(32) };
  const bytes = hmacBytes[spec];
  if (bytes !== undefined) return { secret: randomBytes(bytes) };
  const bits = rsaBits[spec];
  const { privateKey, publicKey } =
    bits === undefined
      ? generateKeyPairSync("ec", { namedCurve: curves[spec]! })
      : generateKeyPairSync("rsa", { modulusLength: bits });
  return {
    secret: privateKey.export({ type: "pkcs8", format: "der" }),
    publicKey: publicKey.export({ type: "spki", format: "der" }),
  };
}

export const privateKeyOf = (secret: Buffer): KeyObject =>
  createPrivateKey({ key: secret, type: "pkcs8", format: "der" });

export const publicKeyOf = (der: string): KeyObject =>
  createPublicKey({ key: Buffer.from(der, "base64"), type: "spki", format: "der" });

/** Source: KMS Developer Guide, "Key spec reference". */
export function encryptionAlgorithms(spec: string): readonly string[] {
  return spec === "SYMMETRIC_DEFAULT" ? ["SYMMETRIC_DEFAULT"] : ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"];
}

export function signingAlgorithms(spec: string): readonly string[] {
  if (spec in rsaBits) {
    return ["RSASSA_PKCS1_V1_5", "RSASSA_PSS"].flatMap((scheme) => [256, 384, 512].map((n) => `${scheme}_SHA_${n}`));
  }
  if (spec === "ECC_NIST_P384") return ["ECDSA_SHA_384"];
  if (spec === "ECC_NIST_P521") return ["ECDSA_SHA_512"];
  return ["ECDSA_SHA_256"];
}

export const macAlgorithms = (spec: string): readonly string[] => [`HMAC_SHA_${spec.slice("HMAC_".length)}`];
