import { randomBytes } from "node:crypto";
import type { RoleRecord } from "../../registry/index.ts";
import {
  type Action,
  integer,
  listOf,
  policyDocument,
  type QueryCall,
  QueryError,
  required,
  requiredName,
  tagList,
  tagsOf,
} from "./action.ts";
import type { Xml } from "./xml.ts";

/** Roles with their inline and attached policies. Nothing is enforced by them. */
export const roleActions: Readonly<Record<string, Action>> = {
  CreateRole({ fields, account, registry }) {
    const name = requiredName(fields, "RoleName", 64);
    const assumeRolePolicy = policyDocument(fields, "AssumeRolePolicyDocument");
    const path = pathOf(fields);
    const maxSessionSeconds = integer(fields, "MaxSessionDuration", 3600, 43_200, 3600);
    if (registry.roles.get(account, name) !== undefined) {
      throw new QueryError(409, "EntityAlreadyExists", `Role with name ${name} already exists.`);
    }
    const description = fields.get("Description");
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
    };
    registry.roles.put(role);
    return { Role: roleView(role) };
  },

  GetRole: (call) => ({ Role: roleView(roleOf(call)) }),

  ListRoles({ fields, account, registry }) {
    const prefix = fields.get("PathPrefix") ?? "/";
    const roles = registry.roles.list(account).filter((role) => role.path.startsWith(prefix));
    return { Roles: roles.map(roleView), IsTruncated: false };
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

  UpdateAssumeRolePolicy(call) {
    call.registry.roles.put({ ...roleOf(call), assumeRolePolicy: policyDocument(call.fields, "PolicyDocument") });
    return undefined;
  },

  PutRolePolicy(call) {
    const role = roleOf(call);
    const name = requiredName(call.fields, "PolicyName", 128);
    const document = policyDocument(call.fields, "PolicyDocument");
    call.registry.roles.put({ ...role, inline: { ...role.inline, [name]: document } });
    return undefined;
  },

  GetRolePolicy(call) {
    const role = roleOf(call);
    const PolicyName = required(call.fields, "PolicyName");
    const document = inlineOf(role, PolicyName);
    return { RoleName: role.name, PolicyName, PolicyDocument: encodeURIComponent(document) };
  },

  DeleteRolePolicy(call) {
    const role = roleOf(call);
    const name = required(call.fields, "PolicyName");
    inlineOf(role, name);
    const inline = Object.fromEntries(Object.entries(role.inline).filter(([other]) => other !== name));
    call.registry.roles.put({ ...role, inline });
    return undefined;
  },

  ListRolePolicies: (call) => ({ PolicyNames: Object.keys(roleOf(call).inline), IsTruncated: false }),

  AttachRolePolicy(call) {
    const role = roleOf(call);
    const arn = required(call.fields, "PolicyArn");
    if (!/^arn:aws[a-zA-Z-]*:iam::(aws|\d{12}):policy\/.+$/.test(arn)) {
      throw new QueryError(400, "InvalidInput", `ARN ${arn} is not valid.`);
    }
    if (!role.attached.includes(arn)) call.registry.roles.put({ ...role, attached: [...role.attached, arn] });
    return undefined;
  },

  DetachRolePolicy(call) {
    const role = roleOf(call);
    const arn = required(call.fields, "PolicyArn");
    if (!role.attached.includes(arn)) {
      throw new QueryError(404, "NoSuchEntity", `Policy ${arn} was not found.`);
    }
    call.registry.roles.put({ ...role, attached: role.attached.filter((other) => other !== arn) });
    return undefined;
  },

  ListAttachedRolePolicies: (call) => ({
    AttachedPolicies: roleOf(call).attached.map((PolicyArn) => ({
      PolicyName: PolicyArn.slice(PolicyArn.lastIndexOf("/") + 1),
      PolicyArn,
    })),
    IsTruncated: false,
  }),

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

function inlineOf(role: RoleRecord, name: string): string {
  const document = Object.hasOwn(role.inline, name) ? role.inline[name] : undefined;
  if (document === undefined) {
    throw new QueryError(404, "NoSuchEntity", `The role policy with name ${name} cannot be found.`);
  }
  return document;
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
    Tags: Object.keys(role.tags).length === 0 ? undefined : tagList(role.tags),
  };
}

/** `/` or `/a/b/`. Throws ValidationError. */
export function pathOf(fields: URLSearchParams): string {
  const path = fields.get("Path") ?? "/";
  if (/^\/([!-.0-~]+\/)*$/.test(path) && path.length <= 512) return path;
  throw new QueryError(
    400,
    "ValidationError",
    "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
  );
}

/** An id as IAM gives them: four letters for the kind, then 17 of A-Z and 2-7. */
export function newId(kind: "AROA" | "ANPA"): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  return kind + [...randomBytes(17)].map((byte) => letters[byte & 31]).join("");
}
