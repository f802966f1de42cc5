import { constants, privateDecrypt, publicEncrypt, type RsaPrivateKey, randomBytes } from "node:crypto";
import type {
  DecryptRequest,
  EncryptRequest,
  GenerateDataKeyRequest,
  GenerateRandomRequest,
  ReEncryptRequest,
} from "@aws-sdk/client-kms";
import { type KeyRecord, KeyRefusal, keyArn, privateKeyOf, publicKeyOf } from "../../../keys/index.ts";
import { type KmsCall, type KmsOperation, keyOf, stopDryRun } from "./operation.ts";

type Context = Readonly<Record<string, string>> | undefined;

const isSymmetric = ({ spec }: KeyRecord): boolean => spec === "SYMMETRIC_DEFAULT";
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

/** Throws InvalidKeyUsageException: the algorithm is of another kind of key. */
function checkAlgorithm(key: KeyRecord, algorithm: string): void {
  if (isSymmetric(key) === (algorithm === "SYMMETRIC_DEFAULT")) return;
  throw new KeyRefusal("InvalidKeyUsageException", `Algorithm ${algorithm} is incompatible with key spec ${key.spec}.`);
}

/** Throws ValidationException: pairs bind no context. */
function checkContext(key: KeyRecord, context: Context): void {
  if (isSymmetric(key) || context === undefined || Object.keys(context).length === 0) return;
  throw new KeyRefusal("ValidationException", "Encryption context is not supported with asymmetric KMS keys.");
}

const oaep = (algorithm: string): Pick<RsaPrivateKey, "padding" | "oaepHash"> => ({
  padding: constants.RSA_PKCS1_OAEP_PADDING,
  oaepHash: algorithm === "RSAES_OAEP_SHA_1" ? "sha1" : "sha256",
});

function close(call: KmsCall<unknown>, key: KeyRecord, plain: Uint8Array, algorithm: string, context: Context): Buffer {
  checkAlgorithm(key, algorithm);
  checkContext(key, context);
  if (isSymmetric(key)) return call.keys.encrypt(key, plain, context ?? {});
  const publicKey = publicKeyOf(key.publicKey!);
  const most = (publicKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8 - (algorithm === "RSAES_OAEP_SHA_1" ? 42 : 66);
  if (plain.length > most) {
    throw new KeyRefusal(
      "ValidationException",
      `Algorithm ${algorithm} and key spec ${key.spec} cannot encrypt data larger than ${most} bytes.`,
    );
  }
  return publicEncrypt({ key: publicKey, ...oaep(algorithm) }, plain);
}

export const encrypt: KmsOperation<EncryptRequest> = (call) => {
  const { input, keys } = call;
  const key = keyOf(call, input.KeyId);
  keys.checkUsable(key, "ENCRYPT_DECRYPT", "Encrypt");
  const EncryptionAlgorithm = input.EncryptionAlgorithm ?? "SYMMETRIC_DEFAULT";
  const blob = close(call, key, input.Plaintext!, EncryptionAlgorithm, input.EncryptionContext);
  stopDryRun(input);
  return { CiphertextBlob: base64(blob), KeyId: keyArn(key), EncryptionAlgorithm };
};

/** Opens what any of the keys closed. */
function open(
  call: KmsCall<unknown>,
  blob: Uint8Array,
  given: { readonly keyId: string | undefined; readonly algorithm: string; readonly context: Context },
): { readonly key: KeyRecord; readonly plain: Buffer } {
  const { keys, scope } = call;
  const wanted = given.keyId === undefined ? undefined : keys.find(scope, given.keyId);
  if (wanted !== undefined) keys.checkUsable(wanted, "ENCRYPT_DECRYPT", "Decrypt");
  if (given.algorithm === "SYMMETRIC_DEFAULT") {
    if (wanted !== undefined) checkAlgorithm(wanted, given.algorithm);
    return keys.decrypt(scope, Buffer.from(blob), given.context ?? {}, wanted);
  }
  if (wanted === undefined) {
    throw new KeyRefusal("ValidationException", "KeyId is required when decrypting with an asymmetric KMS key.");
  }
  checkAlgorithm(wanted, given.algorithm);
  checkContext(wanted, given.context);
  try {
    const key = privateKeyOf(keys.secretOf(wanted));
    return { key: wanted, plain: privateDecrypt({ key, ...oaep(given.algorithm) }, blob) };
  } catch {
    throw new KeyRefusal("InvalidCiphertextException", "");
  }
}

export const decrypt: KmsOperation<DecryptRequest> = (call) => {
  const { input } = call;
  if (input.Recipient !== undefined)
    throw new KeyRefusal("UnsupportedOperationException", "Enclaves are not supported here.");
  const EncryptionAlgorithm = input.EncryptionAlgorithm ?? "SYMMETRIC_DEFAULT";
  const { key, plain } = open(call, input.CiphertextBlob ?? Buffer.alloc(0), {
    keyId: input.KeyId,
    algorithm: EncryptionAlgorithm,
    context: input.EncryptionContext,
  });
  stopDryRun(input);
  return { KeyId: keyArn(key), Plaintext: base64(plain), EncryptionAlgorithm };
};

export const reEncrypt: KmsOperation<ReEncryptRequest> = (call) => {
  const { input, keys } = call;
  const SourceEncryptionAlgorithm = input.SourceEncryptionAlgorithm ?? "SYMMETRIC_DEFAULT";
  const DestinationEncryptionAlgorithm = input.DestinationEncryptionAlgorithm ?? "SYMMETRIC_DEFAULT";
  const to = keyOf(call, input.DestinationKeyId);
  keys.checkUsable(to, "ENCRYPT_DECRYPT", "ReEncrypt");
  const { key: from, plain } = open(call, input.CiphertextBlob ?? Buffer.alloc(0), {
    keyId: input.SourceKeyId,
    algorithm: SourceEncryptionAlgorithm,
    context: input.SourceEncryptionContext,
  });
  const blob = close(call, to, plain, DestinationEncryptionAlgorithm, input.DestinationEncryptionContext);
  stopDryRun(input);
  return {
    CiphertextBlob: base64(blob),
    SourceKeyId: keyArn(from),
    KeyId: keyArn(to),
    SourceEncryptionAlgorithm,
    DestinationEncryptionAlgorithm,
  };
};

function dataKey(call: KmsCall<GenerateDataKeyRequest>, operation: string) {
  const { input, keys } = call;
  const key = keyOf(call, input.KeyId);
  keys.checkUsable(key, "ENCRYPT_DECRYPT", operation);
  if (!isSymmetric(key)) {
    throw new KeyRefusal(
      "InvalidKeyUsageException",
      `${keyArn(key)} key spec ${key.spec} is not valid for ${operation}.`,
    );
  }
  if ((input.KeySpec === undefined) === (input.NumberOfBytes === undefined)) {
    throw new KeyRefusal("ValidationException", "Please specify either number of bytes or key spec.");
  }
  const plain = randomBytes(input.NumberOfBytes ?? (input.KeySpec === "AES_128" ? 16 : 32));
  const blob = keys.encrypt(key, plain, input.EncryptionContext ?? {});
  stopDryRun(input);
  return { KeyId: keyArn(key), CiphertextBlob: base64(blob), plain };
}

export const generateDataKey: KmsOperation<GenerateDataKeyRequest> = (call) => {
  const { plain, ...rest } = dataKey(call, "GenerateDataKey");
  return { ...rest, Plaintext: base64(plain) };
};

export const generateDataKeyWithoutPlaintext: KmsOperation<GenerateDataKeyRequest> = (call) => {
  const { plain: _, ...rest } = dataKey(call, "GenerateDataKeyWithoutPlaintext");
  return rest;
};

export const generateRandom: KmsOperation<GenerateRandomRequest> = ({ input }) => {
  if (input.NumberOfBytes === undefined) throw new KeyRefusal("ValidationException", "NumberOfBytes is required.");
  return { Plaintext: base64(randomBytes(input.NumberOfBytes)) };
};
