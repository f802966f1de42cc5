import type { RoleRecord } from "../../registry/index.ts";
import {
  type Action,
  integer,
  listOf,
  type QueryCall,
  QueryError,
  required,
  requiredName,
  tagList,
  tagsOf,
} from "./action.ts";
import { documentField } from "./iam-documents.ts";
import { boundaryActions, boundaryView, type Holders, holderActions, policyArn } from "./iam-holders.ts";
import { newId, pathOf } from "./iam-ids.ts";
import { paged } from "./iam-pages.ts";
import type { Xml } from "./xml.ts";

const holders: Holders<RoleRecord> = {
  kind: "Role",
  inlineLimit: 10_240,
  of: roleOf,
  put: ({ registry }, record) => registry.roles.put(record),
};

/** Roles with their inline and attached policies. */
export const roleActions: Readonly<Record<string, Action>> = {
  ...holderActions(holders),
  ...boundaryActions(holders),

  CreateRole(call) {
    const { fields, account, registry } = call;
    const name = requiredName(fields, "RoleName", 64);
    const assumeRolePolicy = documentField(fields, "AssumeRolePolicyDocument", "trust");
    const path = pathOf(fields);
    const maxSessionSeconds = integer(fields, "MaxSessionDuration", 3600, 43_200, 3600);
    if (registry.roles.get(account, name) !== undefined) {
      throw new QueryError(409, "EntityAlreadyExists", `Role with name ${name} already exists.`);
    }
    const description = fields.get("Description");
    const boundary = fields.has("PermissionsBoundary") ? policyArn(call, "PermissionsBoundary") : undefined;
    const role: RoleRecord = {
      account,
      name,
      path,
      id: newId("AROA"),
      assumeRolePolicy,
      maxSessionSeconds,
      created: new Date().toISOString(),
      tags: tagsOf(fields),
      inline: {},
      attached: [],
      ...(description === null ? {} : { description }),
      ...(boundary === undefined ? {} : { boundary }),
    };
    registry.roles.put(role);
    return { Role: roleView(role) };
  },

  GetRole: (call) => ({ Role: roleView(roleOf(call)) }),

  ListRoles({ fields, account, registry }) {
    const prefix = fields.get("PathPrefix") ?? "/";
    const roles = registry.roles.list(account).filter((role) => role.path.startsWith(prefix));
    return paged(fields, "Roles", roles, ({ name }) => name, roleView);
  },

  DeleteRole(call) {
    const role = roleOf(call);
    const conflict = (what: string) =>
      new QueryError(409, "DeleteConflict", `Cannot delete entity, must ${what} first.`);
    if (role.attached.length > 0) throw conflict("detach all policies");
    if (Object.keys(role.inline).length > 0) throw conflict("delete policies");
    call.registry.roles.remove(role.account, role.name);
    return undefined;
  },

  UpdateRole(call) {
    const role = roleOf(call);
    const description = call.fields.get("Description") ?? role.description;
    const maxSessionSeconds = integer(call.fields, "MaxSessionDuration", 3600, 43_200, role.maxSessionSeconds);
    call.registry.roles.put({ ...role, maxSessionSeconds, ...(description === undefined ? {} : { description }) });
    return {};
  },

  UpdateRoleDescription(call) {
    const role = { ...roleOf(call), description: required(call.fields, "Description") };
    call.registry.roles.put(role);
    return { Role: roleView(role) };
  },

  UpdateAssumeRolePolicy(call) {
    call.registry.roles.put({
      ...roleOf(call),
      assumeRolePolicy: documentField(call.fields, "PolicyDocument", "trust"),
    });
    return undefined;
  },

  // Terraform asks before it deletes a role.
  ListInstanceProfilesForRole(call) {
    roleOf(call);
    return { InstanceProfiles: [], IsTruncated: false };
  },

  TagRole(call) {
    const role = roleOf(call);
    call.registry.roles.put({ ...role, tags: { ...role.tags, ...tagsOf(call.fields) } });
    return undefined;
  },

  UntagRole(call) {
    const role = roleOf(call);
    const gone = new Set(listOf(call.fields, "TagKeys"));
    const tags = Object.fromEntries(Object.entries(role.tags).filter(([key]) => !gone.has(key)));
    call.registry.roles.put({ ...role, tags });
    return undefined;
  },

  ListRoleTags: (call) => ({ Tags: tagList(roleOf(call).tags), IsTruncated: false }),
};

function roleOf({ fields, account, registry }: QueryCall): RoleRecord {
  const name = required(fields, "RoleName");
  const role = registry.roles.get(account, name);
  if (role === undefined) throw new QueryError(404, "NoSuchEntity", `The role with name ${name} cannot be found.`);
  return role;
}

function roleView(role: RoleRecord): Xml {
  return {
    Path: role.path,
    RoleName: role.name,
    RoleId: role.id,
    Arn: `arn:aws:iam::${role.account}:role${role.path}${role.name}`,
    CreateDate: role.created,
    AssumeRolePolicyDocument: encodeURIComponent(role.assumeRolePolicy),
    Description: role.description,
    MaxSessionDuration: role.maxSessionSeconds,
    PermissionsBoundary: boundaryView(role),
    Tags: Object.keys(role.tags).length === 0 ? undefined : tagList(role.tags),
  };
}
