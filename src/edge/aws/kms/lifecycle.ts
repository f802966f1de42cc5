import type {
  CreateKeyRequest,
  DescribeKeyRequest,
  EnableKeyRotationRequest,
  ListKeyRotationsRequest,
  ListKeysRequest,
  ScheduleKeyDeletionRequest,
  UpdateKeyDescriptionRequest,
} from "@aws-sdk/client-kms";
import {
  encryptionAlgorithms,
  type KeyRecord,
  KeyRefusal,
  keyArn,
  macAlgorithms,
  signingAlgorithms,
} from "../../../keys/index.ts";
import { PolicyError, parsePolicy } from "../../../policy/index.ts";
import { type KmsCall, type KmsOperation, keyOf, page, seconds } from "./operation.ts";
import { checkTags, tagsOf } from "./tags.ts";

const dayMs = 86_400_000;

/** KeyMetadata. */
function metadata(key: KeyRecord): object {
  const { usage, spec, deletion } = key;
  return {
    AWSAccountId: key.account,
    KeyId: key.id,
    Arn: keyArn(key),
    CreationDate: seconds(key.created),
    Enabled: key.enabled && deletion === undefined,
    Description: key.description,
    KeyUsage: usage,
    KeyState: deletion === undefined ? (key.enabled ? "Enabled" : "Disabled") : "PendingDeletion",
    ...(deletion === undefined ? {} : { DeletionDate: seconds(deletion) }),
    Origin: "AWS_KMS",
    KeyManager: key.manager === "AWS" ? "AWS" : "CUSTOMER",
    CustomerMasterKeySpec: spec,
    KeySpec: spec,
    ...(usage === "ENCRYPT_DECRYPT" ? { EncryptionAlgorithms: encryptionAlgorithms(spec) } : {}),
    ...(usage === "SIGN_VERIFY" ? { SigningAlgorithms: signingAlgorithms(spec) } : {}),
    ...(usage === "GENERATE_VERIFY_MAC" ? { MacAlgorithms: macAlgorithms(spec) } : {}),
    MultiRegion: false,
    ...(spec === "SYMMETRIC_DEFAULT" ? { CurrentKeyMaterialId: materialId(key.materials.at(-1)!.id) } : {}),
  };
}

/** As long as AWS's: 64 hexadecimal digits. */
export const materialId = (id: string): string => id.replaceAll("-", "").repeat(2);

export const createKey: KmsOperation<CreateKeyRequest> = ({ input, scope, keys }) => {
  const spec = input.KeySpec ?? input.CustomerMasterKeySpec ?? "SYMMETRIC_DEFAULT";
  if (input.MultiRegion === true) throw unsupported("Multi-Region keys are not supported here.");
  if (input.Origin !== undefined && input.Origin !== "AWS_KMS") {
    throw unsupported(`Keys of origin ${input.Origin} are not supported here.`);
  }
  if (input.KeyUsage === "KEY_AGREEMENT" || input.KeyUsage === "ENCAPSULATE_DECAPSULATE") {
    throw unsupported(`Keys for ${input.KeyUsage} are not supported here.`);
  }
  if (input.KeyUsage === undefined && spec !== "SYMMETRIC_DEFAULT") {
    throw new KeyRefusal(
      "ValidationException",
      "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
    );
  }
  if (input.Policy !== undefined) checkPolicy(input.Policy);
  checkTags(input.Tags ?? []);
  const key = keys.create(scope, {
    description: input.Description,
    spec,
    usage: input.KeyUsage,
    policy: input.Policy,
    tags: tagsOf(input.Tags ?? []),
  });
  return { KeyMetadata: metadata(key) };
};

export const describeKey: KmsOperation<DescribeKeyRequest> = (call) => ({
  KeyMetadata: metadata(keyOf(call, call.input.KeyId)),
});

export const listKeys: KmsOperation<ListKeysRequest> = ({ input, scope, keys }) => {
  const { items, more } = page(keys.list(scope), input, ({ id }) => id);
  return { Keys: items.map((key) => ({ KeyId: key.id, KeyArn: keyArn(key) })), ...more };
};

type ById = Pick<DescribeKeyRequest, "KeyId">;

/** A key that may be changed: the customer's, and not about to be deleted. */
function changeable(call: KmsCall<ById>, operation: string): KeyRecord {
  const key = keyOf(call, call.input.KeyId);
  if (key.manager === "AWS") {
    throw new KeyRefusal(
      "AccessDeniedException",
      `The key ${keyArn(key)} is managed by AWS: ${operation} is not allowed.`,
    );
  }
  if (key.deletion !== undefined) {
    throw new KeyRefusal("KMSInvalidStateException", `${keyArn(key)} is pending deletion.`);
  }
  return key;
}

export const enableKey: KmsOperation<ById> = (call) => {
  call.keys.put({ ...changeable(call, "EnableKey"), enabled: true });
  return {};
};

export const disableKey: KmsOperation<ById> = (call) => {
  call.keys.put({ ...changeable(call, "DisableKey"), enabled: false });
  return {};
};

export const updateKeyDescription: KmsOperation<UpdateKeyDescriptionRequest> = (call) => {
  call.keys.put({ ...changeable(call, "UpdateKeyDescription"), description: call.input.Description ?? "" });
  return {};
};

export const scheduleKeyDeletion: KmsOperation<ScheduleKeyDeletionRequest> = (call) => {
  const key = changeable(call, "ScheduleKeyDeletion");
  const days = call.input.PendingWindowInDays ?? 30;
  if (days < 7) throw new KeyRefusal("ValidationException", "PendingWindowInDays must be between 7 and 30 inclusive");
  const deletion = Date.now() + days * dayMs;
  call.keys.put({ ...key, deletion, deletionDays: days });
  return {
    KeyId: keyArn(key),
    DeletionDate: seconds(deletion),
    KeyState: "PendingDeletion",
    PendingWindowInDays: days,
  };
};

/** A key that is kept after all is disabled at first. */
export const cancelKeyDeletion: KmsOperation<ById> = (call) => {
  const key = keyOf(call, call.input.KeyId);
  if (key.deletion === undefined) {
    throw new KeyRefusal("KMSInvalidStateException", `${keyArn(key)} is not pending deletion.`);
  }
  call.keys.put({ ...key, deletion: undefined, deletionDays: undefined, enabled: false });
  return { KeyId: keyArn(key) };
};

function rotatable(call: KmsCall<ById>, operation: string): KeyRecord {
  const key = changeable(call, operation);
  if (key.spec !== "SYMMETRIC_DEFAULT") throw unsupported(`${keyArn(key)} is not a symmetric encryption key.`);
  if (!key.enabled) throw new KeyRefusal("DisabledException", `${keyArn(key)} is disabled.`);
  return key;
}

export const enableKeyRotation: KmsOperation<EnableKeyRotationRequest> = (call) => {
  const key = rotatable(call, "EnableKeyRotation");
  const days = call.input.RotationPeriodInDays ?? key.rotation?.days ?? 365;
  call.keys.put({ ...key, rotation: { days, next: Date.now() + days * dayMs } });
  return {};
};

export const disableKeyRotation: KmsOperation<ById> = (call) => {
  call.keys.put({ ...rotatable(call, "DisableKeyRotation"), rotation: undefined });
  return {};
};

export const getKeyRotationStatus: KmsOperation<ById> = (call) => {
  const key = keyOf(call, call.input.KeyId);
  const head = { KeyId: keyArn(key), KeyRotationEnabled: key.rotation !== undefined };
  if (key.rotation === undefined) return head;
  return { ...head, RotationPeriodInDays: key.rotation.days, NextRotationDate: seconds(key.rotation.next) };
};

export const rotateKeyOnDemand: KmsOperation<ById> = (call) => {
  const key = rotatable(call, "RotateKeyOnDemand");
  // Source: API reference, RotateKeyOnDemand: 10 times in a key's life.
  if (key.materials.filter(({ rotation }) => rotation === "ON_DEMAND").length >= 10) {
    throw new KeyRefusal("LimitExceededException", "The maximum number of on-demand rotations has been reached.");
  }
  call.keys.rotate(key, "ON_DEMAND");
  return { KeyId: keyArn(key) };
};

export const listKeyRotations: KmsOperation<ListKeyRotationsRequest> = (call) => {
  const key = keyOf(call, call.input.KeyId);
  const rotations = key.materials
    .filter(({ rotation }) => rotation !== undefined)
    .map(({ id, created, rotation }) => ({
      KeyId: keyArn(key),
      KeyMaterialId: materialId(id),
      RotationDate: seconds(created),
      RotationType: rotation,
    }));
  const { items, more } = page(
    rotations,
    call.input,
    (one) => `${String(one.RotationDate).padStart(20, "0")} ${one.KeyMaterialId}`,
  );
  return { Rotations: items, ...more };
};

/** Throws MalformedPolicyDocumentException. */
export function checkPolicy(text: string): void {
  try {
    parsePolicy(text, "resource");
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw new KeyRefusal("MalformedPolicyDocumentException", error.message);
  }
}

const unsupported = (message: string) => new KeyRefusal("UnsupportedOperationException", message);
