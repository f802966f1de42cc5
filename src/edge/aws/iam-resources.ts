import type { Context } from "../../policy/index.ts";
import { userArn } from "../auth/principal.ts";
import type { QueryCall } from "./action.ts";
import { groupArn, groupsOf, usersOf } from "./iam-users.ts";

/** Actions whose UserName may be left out: it is the caller's own then. */
const aboutSelf = /^(GetUser|(Create|List|Update|Delete)AccessKeys?)$/;

/**
 * What an action of IAM is about, as policies name it. Source: Service Authorization Reference, "Actions, resources, and
 * condition keys for AWS Identity and Access Management".
 */
export function iamResource(call: QueryCall, action: string): string {
  const { fields, account, registry, caller } = call;
  const given = (field: string): string | undefined => fields.get(field) ?? undefined;
  const arn = (kind: string, name: string): string => `arn:aws:iam::${account}:${kind}${pathOf(call)}${name}`;
  const group = given("GroupName");
  if (group !== undefined) {
    const record = groupsOf(call).get(account, group);
    return record === undefined ? arn("group", group) : groupArn(record);
  }
  const user = given("UserName");
  if (user !== undefined) {
    const record = usersOf(call).get(account, user);
    return record === undefined ? arn("user", user) : userArn(record);
  }
  const role = given("RoleName");
  if (role !== undefined) {
    const record = registry.roles.get(account, role);
    return record === undefined ? arn("role", role) : `arn:aws:iam::${account}:role${record.path}${role}`;
  }
  const policy = given("PolicyArn") ?? given("PolicySourceArn");
  if (policy !== undefined) return policy;
  if (action === "CreatePolicy") return arn("policy", given("PolicyName") ?? "");
  if (aboutSelf.test(action) && caller.principal?.kind === "user") return caller.principal.arn;
  const listed = /^List(User|Role|Group)s$/.exec(action)?.[1];
  return listed === undefined ? "*" : `arn:aws:iam::${account}:${listed.toLowerCase()}${given("PathPrefix") ?? "/"}`;
}

/** Of what is being made. */
const pathOf = ({ fields }: QueryCall): string => fields.get("Path") ?? "/";

export function iamConditions({ fields }: QueryCall): Context {
  return {
    "iam:PolicyARN": fields.get("PolicyArn") ?? undefined,
    "iam:PermissionsBoundary": fields.get("PermissionsBoundary") ?? undefined,
  };
}
