import type { NamedDocument, Scope } from "../../../registry/index.ts";
import type { Tags } from "../../api-gateway/records.ts";
import { apiOf, bad, type Patches, type RestCall, type RestContext, stageOf } from "./context.ts";
import { patched } from "./patch.ts";
import { keyOf, planOf } from "./plans.ts";

type Tagged = { readonly resourceArn: string };

interface AccountRecord extends NamedDocument {
  readonly settings: { readonly cloudwatchRoleArn?: string };
}

/** "10,000 requests per second … burst 5,000": what an account begins with (Quotas); nothing is held to it here. */
const whole = {
  throttleSettings: { burstLimit: 5000, rateLimit: 10_000 },
  features: ["UsagePlans"],
  apiKeyVersion: "4",
};

const accounts = ({ registry }: RestContext) => registry.named<AccountRecord>("apigateway-account");

export function getAccount(context: RestContext, { scope }: RestCall<object>) {
  return { ...whole, ...accounts(context).get(scope.account, scope.region)?.settings };
}

export function updateAccount(context: RestContext, { input, scope }: RestCall<Patches>) {
  const { account, region } = scope;
  const fixed = ["throttleSettings", "features", "apiKeyVersion"];
  const settings = patched("Account", accounts(context).get(account, region)?.settings ?? {}, input, fixed);
  accounts(context).put({ account, name: region, settings });
  return { ...whole, ...settings };
}

export function getTags(context: RestContext, { input, scope }: RestCall<Tagged>) {
  return { tags: tagsOf(context, scope, input).tags };
}

export function tagResource(
  context: RestContext,
  { input, scope }: RestCall<Tagged & { readonly tags: Tags }>,
): undefined {
  const { tags, put } = tagsOf(context, scope, input);
  put({ ...tags, ...input.tags });
  return undefined;
}

export function untagResource(
  context: RestContext,
  { input, scope }: RestCall<Tagged & { readonly tagKeys?: readonly string[] }>,
): undefined {
  const { tags, put } = tagsOf(context, scope, input);
  put(Object.fromEntries(Object.entries(tags).filter(([key]) => !(input.tagKeys ?? []).includes(key))));
  return undefined;
}

/** APIs, stages, API keys and usage plans have tags. Throws BadRequestException and NotFoundException. */
function tagsOf(context: RestContext, scope: Scope, { resourceArn: arn }: Tagged) {
  const [, region, kind, id = "", stageName] =
    /^arn:aws[a-z-]*:apigateway:([a-z0-9-]+):\d*:\/(restapis|apikeys|usageplans)\/([^/]+)(?:\/stages\/(.+))?$/.exec(
      arn,
    ) ?? [];
  if (region !== scope.region) throw bad(`Invalid ARN specified in the request: ${arn}`);
  const { rest } = context;
  if (kind === "apikeys") {
    const record = keyOf(context, scope, id);
    return {
      tags: record.key.tags ?? {},
      put: (tags: Tags) => rest.keys.put({ ...record, key: { ...record.key, tags } }),
    };
  }
  if (kind === "usageplans") {
    const record = planOf(context, scope, { usagePlanId: id });
    return {
      tags: record.plan.tags ?? {},
      put: (tags: Tags) => rest.plans.put({ ...record, plan: { ...record.plan, tags } }),
    };
  }
  const record = apiOf(context, scope, { restApiId: id });
  if (stageName === undefined) {
    return { tags: record.api.tags ?? {}, put: (tags: Tags) => rest.put({ ...record, api: { ...record.api, tags } }) };
  }
  const stage = stageOf(record, stageName);
  const put = (tags: Tags) => rest.put({ ...record, stages: { ...record.stages, [stageName]: { ...stage, tags } } });
  return { tags: stage.tags ?? {}, put };
}
