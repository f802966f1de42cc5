import type { GroupRecord, UserRecord } from "../../registry/index.ts";
import { userArn } from "../auth/principal.ts";
import { type Action, listOf, type QueryCall, QueryError, required, requiredName, tagList, tagsOf } from "./action.ts";
import { boundaryActions, boundaryView, type Holders, holderActions, policyArn } from "./iam-holders.ts";
import { newId, pathOf } from "./iam-ids.ts";
import { paged } from "./iam-pages.ts";
import type { Xml } from "./xml.ts";

export const usersOf = ({ registry }: Pick<QueryCall, "registry">) => registry.named<UserRecord>("iam-user");
export const groupsOf = ({ registry }: Pick<QueryCall, "registry">) => registry.named<GroupRecord>("iam-group");

/** The user that a request names. Throws NoSuchEntity. */
export function userOf(call: QueryCall, field = "UserName"): UserRecord {
  return userNamed(call, required(call.fields, field));
}

/** The same, or when it names none, who asks. */
export function userOrSelf(call: QueryCall): UserRecord {
  const { principal } = call.caller;
  const self = principal?.kind === "user" ? principal.name : undefined;
  return userNamed(call, call.fields.get("UserName") ?? self ?? required(call.fields, "UserName"));
}

function userNamed(call: QueryCall, name: string): UserRecord {
  const user = usersOf(call).get(call.account, name);
  if (user === undefined) throw new QueryError(404, "NoSuchEntity", `The user with name ${name} cannot be found.`);
  return user;
}

const holders: Holders<UserRecord> = {
  kind: "User",
  inlineLimit: 2048,
  of: userOf,
  put: (call, record) => usersOf(call).put(record),
};

export const userActions: Readonly<Record<string, Action>> = {
  ...holderActions(holders),
  ...boundaryActions(holders),

  CreateUser(call) {
    const { fields, account } = call;
    const name = requiredName(fields, "UserName", 64);
    const path = pathOf(fields);
    refuseTaken(call, name);
    const boundary = fields.has("PermissionsBoundary") ? policyArn(call, "PermissionsBoundary") : undefined;
    const user: UserRecord = {
      account,
      name,
      path,
      id: newId("AIDA"),
      created: new Date().toISOString(),
      tags: tagsOf(fields),
      inline: {},
      attached: [],
      ...(boundary === undefined ? {} : { boundary }),
    };
    usersOf(call).put(user);
    return { User: userView(user) };
  },

  GetUser(call) {
    const { principal } = call.caller;
    if (call.fields.has("UserName") || principal?.kind === "user") return { User: userView(userOrSelf(call)) };
    // The root user has no name.
    const { account } = call;
    const Arn = `arn:aws:iam::${account}:root`;
    return { User: { UserId: account, Arn, CreateDate: new Date(0).toISOString(), Path: "/" } };
  },

  ListUsers(call) {
    const prefix = call.fields.get("PathPrefix") ?? "/";
    const users = usersOf(call)
      .list(call.account)
      .filter(({ path }) => path.startsWith(prefix));
    return paged(call.fields, "Users", users, ({ name }) => name, userView);
  },

  UpdateUser(call) {
    const user = userOf(call);
    const { fields, account } = call;
    const name = fields.has("NewUserName") ? requiredName(fields, "NewUserName", 64) : user.name;
    const path = fields.has("NewPath") ? pathOf(fields, "NewPath") : user.path;
    if (name !== user.name) {
      refuseTaken(call, name);
      usersOf(call).remove(account, user.name);
      for (const key of call.keyring.of(account, user.name)) call.keyring.put({ ...key, user: name });
      for (const group of groupsOf(call).list(account)) {
        const members = group.members.map((member) => (member === user.name ? name : member));
        if (group.members.includes(user.name)) groupsOf(call).put({ ...group, members });
      }
    }
    usersOf(call).put({ ...user, name, path });
    return undefined;
  },

  DeleteUser(call) {
    const user = userOf(call);
    const conflict = (what: string) =>
      new QueryError(409, "DeleteConflict", `Cannot delete entity, must ${what} first.`);
    if (user.attached.length > 0) throw conflict("detach all policies");
    if (Object.keys(user.inline).length > 0) throw conflict("delete policies");
    if (call.keyring.of(user.account, user.name).length > 0) throw conflict("delete access keys");
    if (groupsOfUser(call, user).length > 0) throw conflict("remove users from group");
    usersOf(call).remove(user.account, user.name);
    return undefined;
  },

  ListGroupsForUser(call) {
    const groups = groupsOfUser(call, userOf(call));
    return paged(call.fields, "Groups", groups, ({ name }) => name, groupView);
  },

  TagUser(call) {
    const user = userOf(call);
    usersOf(call).put({ ...user, tags: { ...user.tags, ...tagsOf(call.fields) } });
    return undefined;
  },

  UntagUser(call) {
    const user = userOf(call);
    const gone = new Set(listOf(call.fields, "TagKeys"));
    const tags = Object.fromEntries(Object.entries(user.tags).filter(([key]) => !gone.has(key)));
    usersOf(call).put({ ...user, tags });
    return undefined;
  },

  ListUserTags: (call) => ({ Tags: tagList(userOf(call).tags), IsTruncated: false }),

  // Terraform asks for these before it deletes a user.
  ListMFADevices: () => ({ MFADevices: [], IsTruncated: false }),
  ListSSHPublicKeys: () => ({ SSHPublicKeys: [], IsTruncated: false }),
  ListSigningCertificates: () => ({ Certificates: [], IsTruncated: false }),
  ListServiceSpecificCredentials: () => ({ ServiceSpecificCredentials: [] }),
  GetLoginProfile(call) {
    const { name } = userOrSelf(call);
    throw new QueryError(404, "NoSuchEntity", `Login Profile for User ${name} cannot be found.`);
  },
};

function refuseTaken(call: QueryCall, name: string): void {
  const lower = name.toLowerCase();
  if (
    !usersOf(call)
      .list(call.account)
      .some((user) => user.name.toLowerCase() === lower)
  )
    return;
  throw new QueryError(409, "EntityAlreadyExists", `User with name ${name} already exists.`);
}

const groupsOfUser = (call: QueryCall, { account, name }: UserRecord): readonly GroupRecord[] =>
  groupsOf(call)
    .list(account)
    .filter(({ members }) => members.includes(name));

export const userView = (user: UserRecord): Xml => ({
  Path: user.path,
  UserName: user.name,
  UserId: user.id,
  Arn: userArn(user),
  CreateDate: user.created,
  PermissionsBoundary: boundaryView(user),
  Tags: Object.keys(user.tags).length === 0 ? undefined : tagList(user.tags),
});

export const groupView = (group: GroupRecord): Xml => ({
  Path: group.path,
  GroupName: group.name,
  GroupId: group.id,
  Arn: groupArn(group),
  CreateDate: group.created,
});

export const groupArn = ({ account, path, name }: GroupRecord): string => `arn:aws:iam::${account}:group${path}${name}`;
