import { evaluate, PolicyError, parsePolicy, serviceIdentity } from "../../../policy/index.ts";
import type { Registry } from "../../../registry/index.ts";
import { type Actor, type Asker, StackError } from "../../../stacks/index.ts";
import { authorize } from "../../auth/index.ts";
import type { SecretsNeeds } from "../../auth/secrets.ts";
import { createSessions, type Session } from "../../auth/sessions.ts";
import type { Caller } from "../../caller.ts";

const service = "cloudformation.amazonaws.com";
const roleArnPattern = /^arn:[^:]+:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/;
/** Seconds that credentials are good for: new ones are made for each call. */
const validSeconds = 900;

type About = Pick<Session, "account" | "holder" | "policies" | "policyArns" | "tags">;

/**
 * Who a stack's calls are made as. Kept with the operation, so that one that outlives the platform keeps the caller's rights and
 * no others. Without signatures nobody is proved, and the account is all there is.
 * Source: CloudFormation User Guide, "AWS CloudFormation service role".
 */
export function askerOf(registry: Pick<Registry, "roles">, caller: Caller, roleArn: string | undefined): Asker {
  const { account, region, principal } = caller;
  if (principal === undefined) return { account, region, actor: { account } };
  const about = roleArn === undefined ? sessionOf(caller) : passed(registry, caller, roleArn);
  return { account, region, actor: { account, session: about } };
}

function sessionOf({ account, principal }: Caller): About {
  if (principal === undefined) throw new Error("nobody is proved");
  const { policies, policyArns, tags } = principal.session ?? {};
  const narrowing = { policies, policyArns, tags };
  if (principal.kind === "role") {
    const name = principal.arn.split("/").at(-1)!;
    return { account, holder: { kind: "role", role: principal.name, name }, ...narrowing };
  }
  return {
    account,
    holder: { kind: "user", user: principal.kind === "root" ? undefined : principal.name },
    ...narrowing,
  };
}

function passed(registry: Pick<Registry, "roles">, caller: Caller, roleArn: string): About {
  const context = { "iam:PassedToService": service };
  authorize(caller, { action: "iam:PassRole", resource: roleArn, context });
  const [, account = "", role = ""] = roleArnPattern.exec(roleArn) ?? [];
  const record = account === caller.account ? registry.roles.get(account, role) : undefined;
  const known = caller.permissions === undefined || record !== undefined;
  if (!known || account !== caller.account || (record !== undefined && !trusts(record.assumeRolePolicy, roleArn))) {
    throw new StackError("ValidationError", `Role ${roleArn} is invalid or cannot be assumed`);
  }
  return { account, holder: { kind: "role", role, name: "AWSCloudFormation" } };
}

function trusts(document: string, resource: string): boolean {
  try {
    const { statements } = parsePolicy(document, "trust");
    const asked = { principal: serviceIdentity(service), action: "sts:AssumeRole", resource, context: {} };
    return evaluate(statements, asked).decision === "allow";
  } catch (error) {
    if (error instanceof PolicyError) return false;
    throw error;
  }
}

interface Signing {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** What an actor signs with. */
export function createSigning(needs: SecretsNeeds): (actor: Actor, seconds?: number) => Signing {
  const sessions = createSessions(needs);
  return (actor, seconds = validSeconds) => {
    const about = actor.session as About | undefined;
    // Where nobody checks, the account's number is the key id: that is what selects the account.
    if (about === undefined) return { accessKeyId: actor.account, secretAccessKey: "test" };
    const issued = sessions.issue(about, seconds);
    return {
      accessKeyId: issued.AccessKeyId,
      secretAccessKey: issued.SecretAccessKey,
      sessionToken: issued.SessionToken,
    };
  };
}

/** The account itself: for what is the platform's own business, and nobody's in particular. */
export const accountActor = (account: string, checked: boolean): Actor =>
  checked ? { account, session: { account, holder: { kind: "user", user: undefined } } } : { account };
