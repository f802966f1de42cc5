import { KeyRefusal, type Keys } from "../../../keys/index.ts";
import { ServiceError } from "../../../model/index.ts";
import type { Registry } from "../../../registry/index.ts";
import { JsonError, type JsonOperation, type JsonService, modelIn, serveJson } from "../json.ts";
import type { AwsService } from "../service.ts";
import { mayUse } from "./access.ts";
import {
  decrypt,
  encrypt,
  generateDataKey,
  generateDataKeyWithoutPlaintext,
  generateRandom,
  reEncrypt,
} from "./encryption.ts";
import {
  createGrant,
  type GrantCall,
  type GrantRecord,
  listGrants,
  listRetirableGrants,
  retireGrant,
  revokeGrant,
} from "./grants.ts";
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

const ofGrants = {
  CreateGrant: createGrant,
  ListGrants: listGrants,
  ListRetirableGrants: listRetirableGrants,
  RetireGrant: retireGrant,
  RevokeGrant: revokeGrant,
};

export interface KmsNeeds {
  readonly keys?: Keys | undefined;
  readonly registry: Pick<Registry, "named">;
  report(error: unknown): void;
}

/** AWS Key Management Service, with keys made and kept here. */
export function createKms({ keys, registry, report }: KmsNeeds): AwsService {
  if (keys === undefined) throw new ServiceError("NotImplementedException", "There are no keys here");
  const store = registry.named<GrantRecord>("kms-grant");
  const bound = Object.entries({ ...operations, ...ofGrants }).map(([name, operation]): [string, JsonOperation] => [
    name,
    ({ exchange, ...call }) =>
      inItsWords(() =>
        (operation as (call: GrantCall<never>) => object)({ ...call, keys, store, caller: exchange.caller }),
      ),
  ]);
  const service: JsonService = {
    prefix: "TrentService.",
    model: modelIn(import.meta.dirname),
    operations: Object.fromEntries(bound),
    // Who may retire a grant is written in it.
    authorize: (caller, operation, input) =>
      operation === "RetireGrant" ? undefined : mayUse(keys, store, caller, operation, input),
    report,
  };
  return { serve: (exchange) => serveJson(service, exchange) };
}

function inItsWords<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof KeyRefusal ? new JsonError(error.code, error.message) : error;
  }
}
