import { readFileSync } from "node:fs";
import { join } from "node:path";
import { headOf, KeyRefusal, type KeyScope, type Keys, keyArn } from "../../../keys/index.ts";
import { ServiceError } from "../../../model/index.ts";
import type { ServiceModel } from "../../lambda-api/model.ts";
import { JsonError, type JsonOperation, type JsonService, serveJson } from "../json.ts";
import type { AwsService } from "../service.ts";
import {
  decrypt,
  encrypt,
  generateDataKey,
  generateDataKeyWithoutPlaintext,
  generateRandom,
  reEncrypt,
} from "./encryption.ts";
import {
  cancelKeyDeletion,
  createKey,
  describeKey,
  disableKey,
  disableKeyRotation,
  enableKey,
  enableKeyRotation,
  getKeyRotationStatus,
  listKeyRotations,
  listKeys,
  rotateKeyOnDemand,
  scheduleKeyDeletion,
  updateKeyDescription,
} from "./lifecycle.ts";
import type { KmsOperation } from "./operation.ts";
import { generateMac, getPublicKey, sign, verify, verifyMac } from "./signing.ts";
import {
  createAlias,
  deleteAlias,
  getKeyPolicy,
  listAliases,
  listKeyPolicies,
  listResourceTags,
  putKeyPolicy,
  tagResource,
  untagResource,
  updateAlias,
} from "./tags.ts";

const operations = {
  CancelKeyDeletion: cancelKeyDeletion,
  CreateAlias: createAlias,
  CreateKey: createKey,
  Decrypt: decrypt,
  DeleteAlias: deleteAlias,
  DescribeKey: describeKey,
  DisableKey: disableKey,
  DisableKeyRotation: disableKeyRotation,
  EnableKey: enableKey,
  EnableKeyRotation: enableKeyRotation,
  Encrypt: encrypt,
  GenerateDataKey: generateDataKey,
  GenerateDataKeyWithoutPlaintext: generateDataKeyWithoutPlaintext,
  GenerateMac: generateMac,
  GenerateRandom: generateRandom,
  GetKeyPolicy: getKeyPolicy,
  GetKeyRotationStatus: getKeyRotationStatus,
  GetPublicKey: getPublicKey,
  ListAliases: listAliases,
  ListKeyPolicies: listKeyPolicies,
  ListKeyRotations: listKeyRotations,
  ListKeys: listKeys,
  ListResourceTags: listResourceTags,
  PutKeyPolicy: putKeyPolicy,
  ReEncrypt: reEncrypt,
  RotateKeyOnDemand: rotateKeyOnDemand,
  ScheduleKeyDeletion: scheduleKeyDeletion,
  Sign: sign,
  TagResource: tagResource,
  UntagResource: untagResource,
  UpdateAlias: updateAlias,
  UpdateKeyDescription: updateKeyDescription,
  Verify: verify,
  VerifyMac: verifyMac,
};

/** AWS Key Management Service, with keys made and kept here. Key policies are kept and shown, and not enforced. */
export function createKms(needs: { readonly keys?: Keys | undefined; report(error: unknown): void }): AwsService {
  const { keys, report } = needs;
  if (keys === undefined) throw new ServiceError("NotImplementedException", "There are no keys here");
  const bound = Object.entries(operations).map(([name, operation]): [string, JsonOperation] => [
    name,
    (call) => inItsWords(() => (operation as KmsOperation<never>)({ ...call, keys })),
  ]);
  const service: JsonService = {
    prefix: "TrentService.",
    model: JSON.parse(readFileSync(join(import.meta.dirname, "generated/model.json"), "utf8")) as ServiceModel,
    operations: Object.fromEntries(bound),
    resources: (_operation, input, scope) => keysIn(keys, input as KeyNames, scope),
    report,
  };
  return { serve: (exchange) => serveJson(service, exchange) };
}

interface KeyNames {
  readonly KeyId?: string;
  readonly TargetKeyId?: string;
  readonly SourceKeyId?: string;
  readonly DestinationKeyId?: string;
  readonly CiphertextBlob?: Uint8Array;
}

/**
 * Policies name keys, whatever a request calls them, and even where only the ciphertext tells which key it is of. Undefined:
 * it is about none, about an alias itself, or about one that is not there.
 */
function keysIn(keys: Keys, input: KeyNames, scope: KeyScope): readonly string[] | undefined {
  const { KeyId, TargetKeyId, SourceKeyId, DestinationKeyId, CiphertextBlob } = input;
  const own = KeyId ?? TargetKeyId ?? SourceKeyId;
  try {
    const sealed = CiphertextBlob === undefined ? undefined : headOf(Buffer.from(CiphertextBlob)).keyId;
    const given = [own ?? sealed, DestinationKeyId].filter((name) => name !== undefined);
    return given.length === 0 ? undefined : given.map((name) => keyArn(keys.find(scope, name)));
  } catch (error) {
    if (error instanceof KeyRefusal) return undefined;
    throw error;
  }
}

function inItsWords<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof KeyRefusal ? new JsonError(error.code, error.message) : error;
  }
}
