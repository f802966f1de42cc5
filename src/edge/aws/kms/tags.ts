import type {
  CreateAliasRequest,
  DeleteAliasRequest,
  GetKeyPolicyRequest,
  ListAliasesRequest,
  ListKeyPoliciesRequest,
  ListResourceTagsRequest,
  PutKeyPolicyRequest,
  Tag,
  TagResourceRequest,
  UntagResourceRequest,
  UpdateAliasRequest,
} from "@aws-sdk/client-kms";
import { aliasArn, type KeyAliasRecord, KeyRefusal } from "../../../keys/index.ts";
import { checkPolicy } from "./lifecycle.ts";
import { type KmsCall, type KmsOperation, keyOf, page, seconds } from "./operation.ts";

export const tagsOf = (tags: readonly Tag[]): Record<string, string> =>
  Object.fromEntries(tags.map(({ TagKey, TagValue }) => [TagKey, TagValue ?? ""]));

/** Throws TagException. Source: KMS, "Tagging keys": aws: is reserved, 50 tags a key. */
export function checkTags(tags: readonly Tag[], before = 0): void {
  if (tags.some(({ TagKey }) => TagKey?.startsWith("aws:"))) {
    throw new KeyRefusal("TagException", "Tags beginning with aws: are reserved");
  }
  if (new Set(tags.map(({ TagKey }) => TagKey)).size !== tags.length)
    throw new KeyRefusal("TagException", "Duplicate tag keys");
  if (before + tags.length > 50) throw new KeyRefusal("TagException", "Too many tags");
}

export const tagResource: KmsOperation<TagResourceRequest> = (call) => {
  const key = keyOf(call, call.input.KeyId);
  const given = call.input.Tags ?? [];
  checkTags(given, Object.keys(key.tags).filter((name) => !given.some(({ TagKey }) => TagKey === name)).length);
  call.keys.put({ ...key, tags: { ...key.tags, ...tagsOf(given) } });
  return {};
};

export const untagResource: KmsOperation<UntagResourceRequest> = (call) => {
  const key = keyOf(call, call.input.KeyId);
  const gone = new Set(call.input.TagKeys);
  const tags = Object.fromEntries(Object.entries(key.tags).filter(([name]) => !gone.has(name)));
  call.keys.put({ ...key, tags });
  return {};
};

export const listResourceTags: KmsOperation<ListResourceTagsRequest> = (call) => {
  const tags = Object.entries(keyOf(call, call.input.KeyId).tags);
  const { items, more } = page(tags, call.input, ([name]) => name, 50);
  return { Tags: items.map(([TagKey, TagValue]) => ({ TagKey, TagValue })), ...more };
};

export const getKeyPolicy: KmsOperation<GetKeyPolicyRequest> = (call) => {
  checkPolicyName(call.input.PolicyName);
  return { Policy: keyOf(call, call.input.KeyId).policy, PolicyName: "default" };
};

export const putKeyPolicy: KmsOperation<PutKeyPolicyRequest> = (call) => {
  checkPolicyName(call.input.PolicyName);
  checkPolicy(call.input.Policy ?? "");
  call.keys.put({ ...keyOf(call, call.input.KeyId), policy: call.input.Policy ?? "" });
  return {};
};

export const listKeyPolicies: KmsOperation<ListKeyPoliciesRequest> = (call) => {
  keyOf(call, call.input.KeyId);
  return { PolicyNames: ["default"], Truncated: false };
};

function checkPolicyName(name: string | undefined): void {
  if (name === undefined || name === "default") return;
  throw new KeyRefusal("NotFoundException", `No such policy exists: ${name}`);
}

const nameOf = ({ name }: KeyAliasRecord): string => name.slice(name.indexOf("/") + 1);

/** Throws InvalidAliasNameException, NotAuthorizedException. */
function checkAlias(alias: string): void {
  if (!/^alias\/[a-zA-Z0-9/_-]+$/.test(alias)) {
    throw new KeyRefusal(
      "ValidationException",
      "Invalid identifier. Alias must start with the prefix 'alias/'. Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
    );
  }
  if (alias.startsWith("alias/aws/")) throw new KeyRefusal("NotAuthorizedException", "");
}

function existing({ keys, scope }: KmsCall<unknown>, alias: string): KeyAliasRecord {
  const found = keys.aliases(scope).find((one) => nameOf(one) === alias);
  if (found === undefined) throw new KeyRefusal("NotFoundException", `Alias ${aliasArn(scope, alias)} is not found.`);
  return found;
}

/** An alias stands for a key, not for another alias. */
function target(call: KmsCall<unknown>, given: string) {
  if (given.includes("alias/")) throw new KeyRefusal("ValidationException", "Aliases must refer to keys. Not aliases");
  return keyOf(call, given);
}

export const createAlias: KmsOperation<CreateAliasRequest> = (call) => {
  const { AliasName = "", TargetKeyId = "" } = call.input;
  checkAlias(AliasName);
  const key = target(call, TargetKeyId);
  if (call.keys.aliases(call.scope).some((one) => nameOf(one) === AliasName)) {
    throw new KeyRefusal(
      "AlreadyExistsException",
      `An alias with the name ${aliasArn(call.scope, AliasName)} already exists`,
    );
  }
  call.keys.nameKey(call.scope, AliasName, key);
  return {};
};

export const updateAlias: KmsOperation<UpdateAliasRequest> = (call) => {
  const { AliasName = "", TargetKeyId = "" } = call.input;
  checkAlias(AliasName);
  existing(call, AliasName);
  call.keys.nameKey(call.scope, AliasName, target(call, TargetKeyId));
  return {};
};

export const deleteAlias: KmsOperation<DeleteAliasRequest> = (call) => {
  checkAlias(call.input.AliasName ?? "");
  call.keys.unname(existing(call, call.input.AliasName ?? ""));
  return {};
};

export const listAliases: KmsOperation<ListAliasesRequest> = (call) => {
  const { keys, scope, input } = call;
  const keyId = input.KeyId === undefined ? undefined : target(call, input.KeyId).id;
  const all = keys.aliases(scope).filter((alias) => keyId === undefined || alias.keyId === keyId);
  const { items, more } = page(all, input, nameOf, 50);
  const Aliases = items.map((alias) => ({
    AliasName: nameOf(alias),
    AliasArn: aliasArn(scope, nameOf(alias)),
    TargetKeyId: alias.keyId,
    CreationDate: seconds(alias.created),
    LastUpdatedDate: seconds(alias.updated),
  }));
  return { Aliases, ...more };
};
