import type { Scope } from "../../../registry/index.ts";
import type { Tags } from "../../api-gateway/records.ts";
import { apiOf, bad, type GatewayCall, type GatewayContext, oneOf } from "./context.ts";
import { domainOf } from "./domains.ts";

type Tagged = { readonly "resource-arn": string };

export function getTags(context: GatewayContext, { input, scope }: GatewayCall<Tagged>) {
  return { tags: tagsOf(context, scope, input).tags };
}

export function tagResource(context: GatewayContext, { input, scope }: GatewayCall<Tagged & { readonly tags?: Tags }>) {
  const { tags, put } = tagsOf(context, scope, input);
  put({ ...tags, ...input.tags });
  return {};
}

export function untagResource(
  context: GatewayContext,
  { input, scope }: GatewayCall<Tagged & { readonly tagKeys: readonly string[] }>,
): undefined {
  const { tags, put } = tagsOf(context, scope, input);
  put(Object.fromEntries(Object.entries(tags).filter(([key]) => !input.tagKeys.includes(key))));
  return undefined;
}

/** APIs, stages and domains have tags. Throws BadRequestException and NotFoundException. */
function tagsOf(context: GatewayContext, scope: Scope, { "resource-arn": arn }: Tagged) {
  const { apis } = context;
  const [, region, kind, name = "", stageName] =
    /^arn:aws[a-z-]*:apigateway:([a-z0-9-]+):\d*:\/(apis|domainnames)\/([^/]+)(?:\/stages\/(.+))?$/.exec(arn) ?? [];
  if (region !== scope.region) throw bad(`Invalid resource ARN specified: ${arn}`);
  if (kind === "domainnames") {
    const record = domainOf(context, scope, { domainName: name });
    return { tags: record.tags, put: (tags: Tags) => apis.putDomain({ ...record, tags }) };
  }
  const record = apiOf(context, scope, name);
  if (stageName === undefined) {
    return { tags: record.api.tags ?? {}, put: (tags: Tags) => apis.put({ ...record, api: { ...record.api, tags } }) };
  }
  const stage = oneOf(record.stages, stageName, "stage");
  const put = (tags: Tags) => apis.put({ ...record, stages: { ...record.stages, [stageName]: { ...stage, tags } } });
  return { tags: stage.tags ?? {}, put };
}
