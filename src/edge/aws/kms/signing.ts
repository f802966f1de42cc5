import { constants, createHmac, sign as cryptoSign, verify as cryptoVerify, timingSafeEqual } from "node:crypto";
import type {
  GenerateMacRequest,
  GetPublicKeyRequest,
  SignRequest,
  VerifyMacRequest,
  VerifyRequest,
} from "@aws-sdk/client-kms";
import {
  encryptionAlgorithms,
  type KeyRecord,
  KeyRefusal,
  keyArn,
  macAlgorithms,
  privateKeyOf,
  publicKeyOf,
  signingAlgorithms,
} from "../../../keys/index.ts";
import { type KmsOperation, keyOf, stopDryRun } from "./operation.ts";

const hashOf = (algorithm: string): string => `sha${algorithm.split("_").at(-1)}`;

function checkAlgorithm(key: KeyRecord, algorithm: string, known: readonly string[]): void {
  if (known.includes(algorithm)) return;
  throw new KeyRefusal("InvalidKeyUsageException", `Algorithm ${algorithm} is incompatible with key spec ${key.spec}.`);
}

/** Node.js signs messages, not digests: those are refused, rather than hashed twice. */
function checkMessage(type: string | undefined, message: Uint8Array): void {
  if (type !== undefined && type !== "RAW") {
    throw new KeyRefusal(
      "UnsupportedOperationException",
      `MessageType ${type} is not supported here: send the message itself.`,
    );
  }
  if (message.length > 4096) throw new KeyRefusal("ValidationException", "Messages may be no longer than 4096 bytes.");
}

/** PSS with a salt as long as the digest, PKCS #1 v1.5 or ECDSA in DER, as KMS has them. */
const schemeOf = (algorithm: string) =>
  algorithm.startsWith("RSASSA_PSS")
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : algorithm.startsWith("RSASSA")
      ? { padding: constants.RSA_PKCS1_PADDING }
      : { dsaEncoding: "der" as const };

export const sign: KmsOperation<SignRequest> = (call) => {
  const { input, keys } = call;
  const key = keyOf(call, input.KeyId);
  keys.checkUsable(key, "SIGN_VERIFY", "Sign");
  const algorithm = input.SigningAlgorithm ?? "";
  checkAlgorithm(key, algorithm, signingAlgorithms(key.spec));
  checkMessage(input.MessageType, input.Message!);
  stopDryRun(input);
  const privateKey = privateKeyOf(keys.secretOf(key));
  const signature = cryptoSign(hashOf(algorithm), input.Message!, { key: privateKey, ...schemeOf(algorithm) });
  return { KeyId: keyArn(key), Signature: signature.toString("base64"), SigningAlgorithm: algorithm };
};

export const verify: KmsOperation<VerifyRequest> = (call) => {
  const { input, keys } = call;
  const key = keyOf(call, input.KeyId);
  keys.checkUsable(key, "SIGN_VERIFY", "Verify");
  const algorithm = input.SigningAlgorithm ?? "";
  checkAlgorithm(key, algorithm, signingAlgorithms(key.spec));
  checkMessage(input.MessageType, input.Message!);
  const publicKey = { key: publicKeyOf(key.publicKey!), ...schemeOf(algorithm) };
  if (!cryptoVerify(hashOf(algorithm), input.Message!, publicKey, input.Signature!)) {
    throw new KeyRefusal("KMSInvalidSignatureException", "");
  }
  stopDryRun(input);
  return { KeyId: keyArn(key), SignatureValid: true, SigningAlgorithm: algorithm };
};

export const getPublicKey: KmsOperation<GetPublicKeyRequest> = (call) => {
  const key = keyOf(call, call.input.KeyId);
  if (key.publicKey === undefined) {
    throw new KeyRefusal("UnsupportedOperationException", `${keyArn(key)} key type is not asymmetric.`);
  }
  call.keys.checkUsable(key, key.usage, "GetPublicKey");
  return {
    KeyId: keyArn(key),
    PublicKey: key.publicKey,
    CustomerMasterKeySpec: key.spec,
    KeySpec: key.spec,
    KeyUsage: key.usage,
    ...(key.usage === "SIGN_VERIFY"
      ? { SigningAlgorithms: signingAlgorithms(key.spec) }
      : { EncryptionAlgorithms: encryptionAlgorithms(key.spec) }),
  };
};

export const generateMac: KmsOperation<GenerateMacRequest> = (call) => {
  const { input, keys } = call;
  const key = keyOf(call, input.KeyId);
  keys.checkUsable(key, "GENERATE_VERIFY_MAC", "GenerateMac");
  const algorithm = input.MacAlgorithm ?? "";
  checkAlgorithm(key, algorithm, macAlgorithms(key.spec));
  stopDryRun(input);
  const mac = createHmac(hashOf(algorithm), keys.secretOf(key)).update(input.Message!).digest("base64");
  return { KeyId: keyArn(key), Mac: mac, MacAlgorithm: algorithm };
};

export const verifyMac: KmsOperation<VerifyMacRequest> = (call) => {
  const { input, keys } = call;
  const key = keyOf(call, input.KeyId);
  keys.checkUsable(key, "GENERATE_VERIFY_MAC", "VerifyMac");
  const algorithm = input.MacAlgorithm ?? "";
  checkAlgorithm(key, algorithm, macAlgorithms(key.spec));
  const right = createHmac(hashOf(algorithm), keys.secretOf(key)).update(input.Message!).digest();
  const given = input.Mac!;
  if (given.length !== right.length || !timingSafeEqual(given, right))
    throw new KeyRefusal("KMSInvalidMacException", "");
  stopDryRun(input);
  return { KeyId: keyArn(key), MacValid: true, MacAlgorithm: algorithm };
};
