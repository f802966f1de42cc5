import type { ListTagsForResourceRequest, TagResourceRequest, UntagResourceRequest } from "@aws-sdk/client-eventbridge";
import type { BusRecord, RuleRecord } from "../../../buses/index.ts";
import { defaultBus } from "../../../buses/index.ts";
import { type EventsCall, type EventsOperation, notFound, tagsOf } from "./context.ts";

type Tags = Readonly<Record<string, string>>;

export const tagResource: EventsOperation<TagResourceRequest> = async (call) => {
  const { record, save } = taggedOf(call, call.input.ResourceARN ?? "");
  await save({ ...record.tags, ...tagsOf(call.input.Tags) });
  return {};
};

export const untagResource: EventsOperation<UntagResourceRequest> = async (call) => {
  const { record, save } = taggedOf(call, call.input.ResourceARN ?? "");
  await save(
    Object.fromEntries(Object.entries(record.tags).filter(([key]) => call.input.TagKeys?.includes(key) !== true)),
  );
  return {};
};

export const listTagsForResource: EventsOperation<ListTagsForResourceRequest> = (call) => {
  const { record } = taggedOf(call, call.input.ResourceARN ?? "");
  return { Tags: Object.entries(record.tags).map(([Key, Value]) => ({ Key, Value })) };
};

/** A bus or a rule. Throws ResourceNotFoundException. */
function taggedOf({ scope, context }: EventsCall<unknown>, arn: string) {
  const { directory } = context.buses;
  const [, region, account, kind, name = ""] =
    /^arn:[^:]+:events:([^:]+):(\d{12}):(rule|event-bus)\/(.+)$/.exec(arn) ?? [];
  const own = region === scope.region && account === scope.account;
  const cut = name.lastIndexOf("/");
  const bus = own && kind === "event-bus" ? directory.bus(scope, name) : undefined;
  const rule =
    own && kind === "rule"
      ? directory.rule(scope, cut === -1 ? defaultBus : name.slice(0, cut), name.slice(cut + 1))
      : undefined;
  if (bus !== undefined) return { record: bus, save: (tags: Tags) => save(bus, tags) };
  if (rule !== undefined) return { record: rule, save: (tags: Tags) => context.buses.putRule({ ...rule, tags }) };
  throw notFound(`Resource ${arn} does not exist.`);

  async function save(record: BusRecord | RuleRecord, tags: Tags): Promise<void> {
    directory.putBus({ ...(record as BusRecord), tags });
  }
}
