import type { Scope } from "../../../registry/index.ts";
import type { ProfileRecord } from "../../signing/records.ts";
import type { RestCall } from "../rest-json.ts";
import { refusal, type SignerContext } from "./context.ts";

type Tags = Readonly<Record<string, string>>;

export function tagResource(
  context: SignerContext,
  { input, scope }: RestCall<{ resourceArn: string; tags: Tags }>,
): undefined {
  const record = taggedProfile(context, scope, input.resourceArn);
  context.profiles.put({ ...record, tags: { ...record.tags, ...input.tags } });
  return undefined;
}

export function untagResource(
  context: SignerContext,
  { input, scope }: RestCall<{ resourceArn: string; tagKeys: readonly string[] }>,
): undefined {
  const record = taggedProfile(context, scope, input.resourceArn);
  const left = Object.entries(record.tags).filter(([key]) => !input.tagKeys.includes(key));
  context.profiles.put({ ...record, tags: Object.fromEntries(left) });
  return undefined;
}

export function listTagsForResource(
  context: SignerContext,
  { input, scope }: RestCall<{ resourceArn: string }>,
): { readonly tags: Tags } {
  return { tags: taggedProfile(context, scope, input.resourceArn).tags };
}

/** Profiles are all that has tags. Throws ResourceNotFoundException. */
function taggedProfile({ profiles }: SignerContext, { account, region }: Scope, arn: string): ProfileRecord {
  const [, name] = /^arn:aws[^:]*:signer:[^:]*:\d{12}:\/signing-profiles\/([^/]+)$/.exec(arn) ?? [];
  const own = arn.split(":")[3] === region && arn.split(":")[4] === account;
  const record = own && name !== undefined ? profiles.get(account, `${region}/${name}`) : undefined;
  if (record === undefined) throw refusal("ResourceNotFoundException", `Resource ${arn} not found.`);
  return record;
}
