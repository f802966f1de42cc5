import { defaultGroup, type ScheduleGroupRecord } from "../../../buses/index.ts";
import type { Scope } from "../../../registry/index.ts";
import {
  conflict,
  decodeToken,
  groupArn,
  groupOf,
  invalid,
  notFound,
  type SchedulerCall,
  type SchedulerOperation,
  tagsOf,
  tokenOf,
} from "./context.ts";

interface Tag {
  readonly Key: string;
  readonly Value: string;
}

export const createScheduleGroup: SchedulerOperation<{ readonly Name: string; readonly Tags?: readonly Tag[] }> = ({
  input,
  scope,
  context,
}) => {
  const { Name: group, Tags } = input;
  if (context.buses.schedules.group(scope, group) !== undefined) {
    throw conflict(`Schedule group ${group} already exists.`);
  }
  const now = context.clock();
  const name = `${scope.region} ${group}`;
  context.buses.schedules.putGroup({ ...scope, name, group, tags: tagsOf(Tags), created: now, modified: now });
  return { ScheduleGroupArn: groupArn(scope, group) };
};

export const getScheduleGroup: SchedulerOperation<{ readonly Name: string }> = (call) =>
  view(call.scope, groupOf(call, call.input.Name));

export const deleteScheduleGroup: SchedulerOperation<{ readonly Name: string }> = async (call) => {
  if (call.input.Name === defaultGroup) throw invalid("The default schedule group cannot be deleted.");
  await call.context.buses.schedules.removeGroup(groupOf(call, call.input.Name));
  return {};
};

interface ListInput {
  readonly NamePrefix?: string;
  readonly NextToken?: string;
  readonly MaxResults?: number;
}

export const listScheduleGroups: SchedulerOperation<ListInput> = ({ input, scope, context }) => {
  const { NamePrefix: prefix = "", MaxResults: limit = 100 } = input;
  const [after = ""] = decodeToken(input.NextToken) ?? [];
  const found = context.buses.schedules.groups(scope).filter(({ group }) => group.startsWith(prefix) && group > after);
  const shown = found.slice(0, limit);
  const last = shown.at(-1);
  return {
    ScheduleGroups: shown.map((record) => view(scope, record)),
    ...(found.length > limit && last !== undefined ? { NextToken: tokenOf(last.group) } : {}),
  };
};

const view = (scope: Scope, { group, created, modified }: ScheduleGroupRecord) => ({
  Arn: groupArn(scope, group),
  Name: group,
  State: "ACTIVE",
  CreationDate: created / 1000,
  LastModificationDate: modified / 1000,
});

interface TagsInput {
  readonly ResourceArn: string;
}

export const tagResource: SchedulerOperation<TagsInput & { readonly Tags?: readonly Tag[] }> = (call) => {
  const record = taggedOf(call);
  const tags = { ...record.tags, ...tagsOf(call.input.Tags) };
  call.context.buses.schedules.putGroup({ ...record, tags });
  return {};
};

export const untagResource: SchedulerOperation<TagsInput & { readonly TagKeys?: readonly string[] }> = (call) => {
  const record = taggedOf(call);
  const left = Object.entries(record.tags).filter(([key]) => call.input.TagKeys?.includes(key) !== true);
  call.context.buses.schedules.putGroup({ ...record, tags: Object.fromEntries(left) });
  return {};
};

export const listTagsForResource: SchedulerOperation<TagsInput> = (call) => ({
  Tags: Object.entries(taggedOf(call).tags).map(([Key, Value]) => ({ Key, Value })),
});

/** Groups are all that has tags. Throws ResourceNotFoundException. */
function taggedOf(call: SchedulerCall<TagsInput>): ScheduleGroupRecord {
  const { scope, input, context } = call;
  const prefix = groupArn(scope, "");
  const group = input.ResourceArn.startsWith(prefix) ? input.ResourceArn.slice(prefix.length) : "";
  const found = context.buses.schedules.group(scope, group);
  if (found === undefined) throw notFound(`Resource ${input.ResourceArn} does not exist.`);
  return found;
}
