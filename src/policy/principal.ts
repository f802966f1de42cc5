import type { PrincipalNames } from "./statement.ts";

/**
 * Who asks: every name that a Principal element may call them by. A session of a role answers to the session's ARN, the
 * role's, and the account's.
 */
export interface Identity {
  /** 12 digits; undefined for services and for nobody in particular */
  readonly account: string | undefined;
  /** names of type AWS, most exact first; the account's own is `account` */
  readonly arns: readonly string[];
  /** `s3.amazonaws.com` */
  readonly service: string | undefined;
  /** a provider that vouches for the user: `cognito-identity.amazonaws.com`, an OIDC provider's ARN */
  readonly federated: string | undefined;
}

const nobody: Identity = { account: undefined, arns: [], service: undefined, federated: undefined };

/** A request without a signature. */
export const anonymous: Identity = Object.freeze(nobody);

/** A service on its own behalf: `sns.amazonaws.com`. */
export const serviceIdentity = (service: string): Identity => ({ ...nobody, service });

/** Somebody of an account of whom no more is known, or its root user. */
export const accountIdentity = (account: string): Identity => ({ ...nobody, account, arns: [rootArn(account)] });

/** `arn`: `arn:aws:iam::123456789012:user/path/name` */
export const userIdentity = (arn: string): Identity => ({ ...nobody, account: accountOf(arn), arns: [arn] });

/** `session`: `arn:aws:sts::123456789012:assumed-role/name/session`; `role`: the role's ARN, with its path. */
export const roleIdentity = (role: string, session: string): Identity => ({
  ...nobody,
  account: accountOf(role),
  arns: [session, role],
});

const rootArn = (account: string): string => `arn:aws:iam::${account}:root`;
const accountOf = (arn: string): string | undefined => arn.split(":")[4] || undefined;

/** How a Principal element meets an identity: not at all, through its account, or by name (`*` names everybody). */
export type Naming = "none" | "account" | "name";

/**
 * The account counts less than a name: to name an account is to leave it to that account which of its users may.
 * Source: IAM User Guide, "AWS JSON policy elements: Principal".
 */
export function naming(names: PrincipalNames, who: Identity): Naming {
  if (names === "*") return "name";
  const has = (type: string, name: string | undefined) =>
    name !== undefined && (names[type] ?? []).some((given) => given === "*" || given === name);
  if (has("Service", who.service) || has("Federated", who.federated)) return "name";
  const given = names.AWS ?? [];
  if (given.includes("*") || who.arns.some((arn) => given.includes(arn) && !arn.endsWith(":root"))) return "name";
  return who.account !== undefined && given.some((name) => isAccount(name, who.account ?? "")) ? "account" : "none";
}

/**
 * Does NotPrincipal leave this identity out? Only if it lists every name it has, the account's too: "you must also specify
 * the account ARN of the non-denied principal".
 */
export function leftOut(names: PrincipalNames, who: Identity): boolean {
  if (names === "*") return true;
  if (who.service !== undefined) return (names.Service ?? []).includes(who.service);
  if (who.federated !== undefined && (names.Federated ?? []).includes(who.federated)) return true;
  const given = names.AWS ?? [];
  if (given.includes("*")) return true;
  const { account } = who;
  if (account === undefined) return false;
  return (
    given.some((name) => isAccount(name, account)) &&
    who.arns.every((arn) => given.includes(arn) || arn === rootArn(account))
  );
}

/** An account is named by its number or by the ARN of its root user, in any partition. */
function isAccount(name: string, account: string): boolean {
  return name === account || (name.startsWith("arn:aws") && name.endsWith(`:iam::${account}:root`));
}
