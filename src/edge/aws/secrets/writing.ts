import { randomBytes, randomUUID } from "node:crypto";
import type {
  CreateSecretRequest,
  DeleteSecretRequest,
  PutSecretValueRequest,
  RestoreSecretRequest,
  TagResourceRequest,
  UntagResourceRequest,
  UpdateSecretRequest,
  UpdateSecretVersionStageRequest,
} from "@aws-sdk/client-secrets-manager";
import {
  current,
  existing,
  find,
  invalidParameter,
  invalidRequest,
  open,
  recordName,
  refusal,
  type SecretRecord,
  type SecretsCall,
  type SecretsOperation,
  type SecretVersion,
  seal,
  staged,
  usable,
} from "./store.ts";

const dayMs = 86_400_000;
/** Bytes of a value. Source: Secrets Manager User Guide, "Quotas". */
const mostBytes = 65_536;

interface Value {
  readonly SecretString?: string | undefined;
  readonly SecretBinary?: Uint8Array | undefined;
}

/** Throws InvalidParameterException. */
function bytesOf({ SecretString, SecretBinary }: Value): Uint8Array | undefined {
  if (SecretString !== undefined && SecretBinary !== undefined) {
    throw invalidParameter(
      "You can't specify both a binary secret value and a string secret value in the same secret.",
    );
  }
  const bytes = SecretBinary ?? (SecretString === undefined ? undefined : Buffer.from(SecretString, "utf8"));
  if (bytes !== undefined && bytes.length > mostBytes) {
    throw invalidParameter(`The secret value is longer than ${mostBytes} bytes.`);
  }
  return bytes;
}

/** The record with one more version, or as it is when the token has been used for the same value. Throws ResourceExistsException. */
function withVersion(
  { context }: SecretsCall<unknown>,
  record: SecretRecord,
  input: Value & { readonly ClientRequestToken?: string | undefined },
  stages: readonly string[],
): { readonly record: SecretRecord; readonly version: SecretVersion } {
  const id = input.ClientRequestToken ?? randomUUID();
  const value = bytesOf(input);
  const same = record.versions.find((one) => one.id === id);
  if (same !== undefined) {
    if (value !== undefined && same.sealed !== undefined && open(context, record.arn, same).equals(value)) {
      return { record, version: same };
    }
    throw refusal(
      "ResourceExistsException",
      `You can't use ClientRequestToken ${id} because that value is already in use for a version of secret ${record.arn}.`,
    );
  }
  const version: SecretVersion = {
    id,
    sealed: value === undefined ? undefined : seal(context, record.arn, id, value),
    binary: input.SecretBinary !== undefined,
    created: context.clock(),
    stages: [],
  };
  // The first version with a value is the current one, whatever it was to be.
  const first = !record.versions.some((one) => one.stages.includes(current));
  const all = staged([...record.versions, version], id, first ? [...new Set([...stages, current])] : stages);
  // Versions without a stage are deprecated, and the oldest of them make room.
  const unstaged = all.filter((one) => one.stages.length === 0);
  const gone = new Set(unstaged.slice(0, Math.max(0, all.length - 100)));
  const changed = { ...record, versions: all.filter((one) => !gone.has(one)), changed: context.clock() };
  return { record: changed, version: all.find((one) => one.id === id)! };
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const suffix = (): string => [...randomBytes(6)].map((byte) => letters[byte % letters.length]).join("");

export const tagsOf = (tags: readonly { Key?: string | undefined; Value?: string | undefined }[] = []) =>
  Object.fromEntries(tags.map(({ Key = "", Value = "" }) => [Key, Value]));

export const createSecret: SecretsOperation<CreateSecretRequest> = (call) => {
  const { input, scope, context } = call;
  const name = input.Name ?? "";
  if (!/^[\w/+=.@!-]+$/.test(name)) {
    throw refusal(
      "ValidationException",
      "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
    );
  }
  const old = find(call, name);
  if (old?.deletion !== undefined) {
    throw invalidRequest(
      "You can't create this secret because a secret with this name is already scheduled for deletion.",
    );
  }
  if (old !== undefined) {
    const token = input.ClientRequestToken;
    const same = old.versions.find(({ id }) => id === token);
    if (same === undefined)
      throw refusal("ResourceExistsException", `The operation failed because the secret ${name} already exists.`);
    const { version } = withVersion(call, old, input, [current]);
    return { ARN: old.arn, Name: name, VersionId: version.id };
  }
  const now = context.clock();
  const empty: SecretRecord = {
    account: scope.account,
    region: scope.region,
    name: recordName(scope, name),
    secret: name,
    arn: `arn:aws:secretsmanager:${scope.region}:${scope.account}:secret:${name}-${suffix()}`,
    description: input.Description,
    kmsKeyId: input.KmsKeyId,
    created: now,
    changed: now,
    versions: [],
    tags: tagsOf(input.Tags),
  };
  const value = bytesOf(input);
  const { record, version } =
    value === undefined ? { record: empty, version: undefined } : withVersion(call, empty, input, [current]);
  context.records.put(record);
  return { ARN: record.arn, Name: name, ...(version === undefined ? {} : { VersionId: version.id }) };
};

export const putSecretValue: SecretsOperation<PutSecretValueRequest> = (call) => {
  const { input, context } = call;
  const old = usable(call, input.SecretId);
  if (bytesOf(input) === undefined) throw invalidParameter("You must provide either SecretString or SecretBinary.");
  const { record, version } = withVersion(call, old, input, input.VersionStages ?? [current]);
  if (record !== old) context.records.put(record);
  return { ARN: record.arn, Name: record.secret, VersionId: version.id, VersionStages: version.stages };
};

export const updateSecret: SecretsOperation<UpdateSecretRequest> = (call) => {
  const { input, context } = call;
  const old = usable(call, input.SecretId);
  const changed: SecretRecord = {
    ...old,
    description: input.Description ?? old.description,
    kmsKeyId: input.KmsKeyId ?? old.kmsKeyId,
    changed: context.clock(),
  };
  const none = bytesOf(input) === undefined;
  const { record, version } = none
    ? { record: changed, version: undefined }
    : withVersion(call, changed, input, [current]);
  context.records.put(record);
  return { ARN: record.arn, Name: record.secret, ...(version === undefined ? {} : { VersionId: version.id }) };
};

export const updateSecretVersionStage: SecretsOperation<UpdateSecretVersionStageRequest> = (call) => {
  const { input, context } = call;
  const record = usable(call, input.SecretId);
  const stage = input.VersionStage ?? "";
  const { RemoveFromVersionId: from, MoveToVersionId: to } = input;
  for (const id of [from, to]) {
    if (id !== undefined && !record.versions.some((one) => one.id === id)) {
      throw refusal(
        "ResourceNotFoundException",
        `Secrets Manager can't find the specified secret value for VersionId: ${id}`,
      );
    }
  }
  const holder = record.versions.find((one) => one.stages.includes(stage))?.id;
  if (to !== undefined && holder !== undefined && holder !== to && from !== holder) {
    throw invalidParameter(
      `The parameter RemoveFromVersionId must be specified: staging label ${stage} is currently attached to version ${holder}, so you must explicitly reference that version in RemoveFromVersionId.`,
    );
  }
  if (from !== undefined && holder !== from) {
    throw invalidParameter(`Staging label ${stage} is not attached to version ${from}.`);
  }
  if (to === undefined && stage === current) {
    throw invalidParameter(
      "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.",
    );
  }
  const without = record.versions.map((one) => ({ ...one, stages: one.stages.filter((other) => other !== stage) }));
  const versions = to === undefined ? without : staged(record.versions, to, [stage]);
  context.records.put({ ...record, versions, changed: context.clock() });
  return { ARN: record.arn, Name: record.secret };
};

export const deleteSecret: SecretsOperation<DeleteSecretRequest> = (call) => {
  const { input, context } = call;
  const force = input.ForceDeleteWithoutRecovery === true;
  if (force && input.RecoveryWindowInDays !== undefined) {
    throw invalidParameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.");
  }
  const days = input.RecoveryWindowInDays ?? 30;
  if (days < 7 || days > 30) {
    throw invalidParameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).");
  }
  const now = context.clock();
  const record = force ? existing(call, input.SecretId) : usable(call, input.SecretId);
  if (force) {
    context.records.remove(record.account, record.name);
    return { ARN: record.arn, Name: record.secret, DeletionDate: now / 1000 };
  }
  const deletion = now + days * dayMs;
  context.records.put({ ...record, deletion, deleted: now });
  return { ARN: record.arn, Name: record.secret, DeletionDate: deletion / 1000 };
};

export const restoreSecret: SecretsOperation<RestoreSecretRequest> = (call) => {
  const record = existing(call, call.input.SecretId);
  call.context.records.put({ ...record, deletion: undefined, deleted: undefined });
  return { ARN: record.arn, Name: record.secret };
};

export const tagResource: SecretsOperation<TagResourceRequest> = (call) => {
  const record = usable(call, call.input.SecretId);
  call.context.records.put({ ...record, tags: { ...record.tags, ...tagsOf(call.input.Tags) } });
  return {};
};

export const untagResource: SecretsOperation<UntagResourceRequest> = (call) => {
  const record = usable(call, call.input.SecretId);
  const gone = new Set(call.input.TagKeys);
  const tags = Object.fromEntries(Object.entries(record.tags).filter(([name]) => !gone.has(name)));
  call.context.records.put({ ...record, tags });
  return {};
};
