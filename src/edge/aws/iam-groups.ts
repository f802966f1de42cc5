import type { GroupRecord } from "../../registry/index.ts";
import { type Action, type QueryCall, QueryError, required, requiredName } from "./action.ts";
import { type Holders, holderActions } from "./iam-holders.ts";
import { newId, pathOf } from "./iam-ids.ts";
import { paged, pageOf } from "./iam-pages.ts";
import { groupsOf, groupView, userOf, usersOf, userView } from "./iam-users.ts";

/** Throws NoSuchEntity. */
function groupOf(call: QueryCall): GroupRecord {
  const name = required(call.fields, "GroupName");
  const group = groupsOf(call).get(call.account, name);
  if (group === undefined) throw new QueryError(404, "NoSuchEntity", `The group with name ${name} cannot be found.`);
  return group;
}

const holders: Holders<GroupRecord> = {
  kind: "Group",
  inlineLimit: 5120,
  of: groupOf,
  put: (call, record) => groupsOf(call).put(record),
};

export const groupActions: Readonly<Record<string, Action>> = {
  ...holderActions(holders),

  CreateGroup(call) {
    const { fields, account } = call;
    const name = requiredName(fields, "GroupName", 128);
    const path = pathOf(fields);
    refuseTaken(call, name);
    const created = new Date().toISOString();
    const group = { account, name, path, id: newId("AGPA"), created, inline: {}, attached: [], members: [] };
    groupsOf(call).put(group);
    return { Group: groupView(group) };
  },

  GetGroup(call) {
    const group = groupOf(call);
    const members = group.members.flatMap((name) => usersOf(call).get(call.account, name) ?? []);
    const { items, end } = pageOf(call.fields, members, ({ name }) => name);
    return { Group: groupView(group), Users: items.map(userView), ...end };
  },

  ListGroups(call) {
    const prefix = call.fields.get("PathPrefix") ?? "/";
    const groups = groupsOf(call)
      .list(call.account)
      .filter(({ path }) => path.startsWith(prefix));
    return paged(call.fields, "Groups", groups, ({ name }) => name, groupView);
  },

  UpdateGroup(call) {
    const group = groupOf(call);
    const { fields, account } = call;
    const name = fields.has("NewGroupName") ? requiredName(fields, "NewGroupName", 128) : group.name;
    const path = fields.has("NewPath") ? pathOf(fields, "NewPath") : group.path;
    if (name !== group.name) {
      refuseTaken(call, name);
      groupsOf(call).remove(account, group.name);
    }
    groupsOf(call).put({ ...group, name, path });
    return undefined;
  },

  DeleteGroup(call) {
    const group = groupOf(call);
    const conflict = (what: string) =>
      new QueryError(409, "DeleteConflict", `Cannot delete entity, must ${what} first.`);
    if (group.members.length > 0) throw conflict("remove users from group");
    if (group.attached.length > 0) throw conflict("detach all policies");
    if (Object.keys(group.inline).length > 0) throw conflict("delete policies");
    groupsOf(call).remove(group.account, group.name);
    return undefined;
  },

  AddUserToGroup(call) {
    const group = groupOf(call);
    const { name } = userOf(call);
    if (!group.members.includes(name)) groupsOf(call).put({ ...group, members: [...group.members, name] });
    return undefined;
  },

  RemoveUserFromGroup(call) {
    const group = groupOf(call);
    const { name } = userOf(call);
    groupsOf(call).put({ ...group, members: group.members.filter((member) => member !== name) });
    return undefined;
  },
};

function refuseTaken(call: QueryCall, name: string): void {
  const lower = name.toLowerCase();
  if (
    !groupsOf(call)
      .list(call.account)
      .some((group) => group.name.toLowerCase() === lower)
  )
    return;
  throw new QueryError(409, "EntityAlreadyExists", `Group with name ${name} already exists.`);
}
