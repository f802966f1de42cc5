import { accountIdentity, type Identity, roleIdentity, userIdentity } from "../../policy/index.ts";
import type { Registry, UserRecord } from "../../registry/index.ts";
import type { Session } from "./sessions.ts";

/** Who a request's signature proves to have sent it. */
export interface Principal {
  readonly kind: "root" | "user" | "role";
  readonly account: string;
  /** `arn:aws:iam::123456789012:user/path/name`, `arn:aws:sts::123456789012:assumed-role/role/session` … */
  readonly arn: string;
  /** GetCallerIdentity's UserId, policies' aws:userid */
  readonly userId: string;
  /** of a user or a role, its name */
  readonly name: string;
  /** its names in policies of resources */
  readonly identity: Identity;
  /** of temporary credentials */
  readonly session?: Session | undefined;
}

type Roles = Pick<Registry, "roles" | "named">;

export function rootPrincipal(account: string, session?: Session): Principal {
  const arn = `arn:aws:iam::${account}:root`;
  return { kind: "root", account, arn, userId: account, name: "root", identity: accountIdentity(account), session };
}

export function userPrincipal(user: UserRecord, session?: Session): Principal {
  const { account, id, name } = user;
  const arn = userArn(user);
  return { kind: "user", account, arn, userId: id, name, identity: userIdentity(arn), session };
}

/** A role that is gone keeps its sessions, which then may nothing. */
export function rolePrincipal(registry: Roles, session: Session, role: string, sessionName: string): Principal {
  const { account } = session;
  const record = registry.roles.get(account, role);
  const arn = `arn:aws:sts::${account}:assumed-role/${role}/${sessionName}`;
  const identity = roleIdentity(`arn:aws:iam::${account}:role${record?.path ?? "/"}${role}`, arn);
  const userId = `${record?.id ?? goneRole}:${sessionName}`;
  return { kind: "role", account, arn, userId, name: role, identity, session };
}

/** Of the session's holder. Undefined: it is gone. */
export function sessionPrincipal(registry: Roles, session: Session): Principal | undefined {
  const { account, holder } = session;
  if (holder.kind === "role") return rolePrincipal(registry, session, holder.role, holder.name);
  if (holder.user === undefined) return rootPrincipal(account, session);
  const user = registry.named<UserRecord>("iam-user").get(account, holder.user);
  return user === undefined ? undefined : userPrincipal(user, session);
}

export const userArn = ({ account, path, name }: UserRecord): string => `arn:aws:iam::${account}:user${path}${name}`;

const goneRole = "AROAAAAAAAAAAAAAAAAAA";
