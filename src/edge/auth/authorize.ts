import { ServiceError } from "../../model/index.ts";
import { accountIdentity, type Context, type Evaluation } from "../../policy/index.ts";
import type { Asked } from "../../registry/index.ts";
import type { Caller } from "../caller.ts";
import type { OwnPolicy } from "./permissions.ts";
import { resourcesOf } from "./resources.ts";

/** What somebody wants to do to what. */
export interface Question {
  /** `lambda:InvokeFunction` */
  readonly action: string;
  /** an ARN, or `*` for actions that are about no resource in particular */
  readonly resource: string;
  /** 12 digits: whose resource it is; the caller's own unless given */
  readonly owner?: string | undefined;
  /** condition keys that only the service knows; what is known of every request is added */
  readonly context?: Context | undefined;
  /** what the resource's own policy says. Left out: resources of this kind have none. */
  readonly policy?: ((asked: Asked) => Evaluation) | undefined;
}

/**
 * Throws AccessDeniedException, in AWS's words, unless the caller may. Where permissions are not checked, policies of
 * resources still are: another account's is reached only where it says so, and what it denies is denied to everybody.
 * Source: IAM User Guide, "Policy evaluation logic"; the words: "Troubleshoot access denied error messages".
 */
export function authorize(caller: Caller, question: Question): void {
  const why = reasonAgainst(caller, question);
  if (why === undefined) return;
  const who = `User: ${caller.principal?.arn ?? `arn:aws:iam::${caller.account}:root`}`;
  throw new ServiceError(
    "AccessDeniedException",
    `${who} is not authorized to perform: ${question.action} on resource: ${question.resource} ${why}`,
  );
}

/**
 * May the caller use this operation of one of the services around Lambda, on all that it names? `input`: as it was checked
 * against the model; `named`: what it names, where the service knows that better. Throws AccessDeniedException. What has a policy of its own, its service asks about itself.
 */
export function authorizeOperation(
  caller: Caller,
  operation: string,
  input: unknown,
  named: () => readonly string[] | undefined = () => undefined,
): void {
  if (caller.permissions === undefined) return;
  const action = `${caller.service}:${operation}`;
  const resources = named() ?? resourcesOf(caller.service, operation, input, caller);
  for (const resource of resources) authorize(caller, { action, resource });
}

/** Undefined: nothing is against it. */
export function reasonAgainst(caller: Caller, question: Question): string | undefined {
  const { action, resource, owner = caller.account } = question;
  const foreign = owner !== caller.account;
  const context = contextOf(caller, question.context);
  const principal = caller.principal?.identity ?? accountIdentity(caller.account);
  const byResource = question.policy?.({ principal, action, context });
  if (caller.permissions === undefined) {
    if (byResource?.decision === "deny") return denies("resource-based policy");
    return foreign && byResource?.decision !== "allow" ? lacks("resource-based policy", action) : undefined;
  }
  const { denied, allowed } = caller.permissions.judge({ action, resource, context });
  if (denied !== undefined) return denies(denied);
  if (byResource?.decision === "deny") return denies("resource-based policy");
  const granted = foreign ? "nothing" : grantedBy(byResource, caller);
  if (granted === "everything") return undefined;
  // A policy of the resource that names the role stands for the role's own, and its bounds hold as before.
  const needed = granted === "identity" ? bounds : all;
  const missing = needed.find((kind) => !allowed[kind]);
  if (missing !== undefined) return lacks(missing, action);
  return foreign && byResource?.decision !== "allow" ? lacks("resource-based policy", action) : undefined;
}

const bounds: readonly OwnPolicy[] = ["permissions boundary", "session policy"];
const all: readonly OwnPolicy[] = ["identity-based policy", ...bounds];

/**
 * What the resource's policy makes needless, in the same account: for a user that it names, everything, even what a boundary
 * leaves out; for a session that it names, too; for a session whose role it names, only the role's own policies.
 */
function grantedBy(evaluation: Evaluation | undefined, caller: Caller): "nothing" | "identity" | "everything" {
  if (evaluation?.decision !== "allow" || evaluation.through !== "name") return "nothing";
  const session = caller.principal?.session;
  if (session === undefined) return "everything";
  const named = evaluation.matched.some(
    ({ principals }) => typeof principals === "object" && principals.AWS?.includes(caller.principal?.arn ?? ""),
  );
  return named ? "everything" : "identity";
}

const article = (kind: string): string => (kind === "identity-based policy" ? "an" : "a");
const denies = (kind: OwnPolicy | "resource-based policy"): string =>
  `with an explicit deny in ${article(kind)} ${kind}`;
const lacks = (kind: OwnPolicy | "resource-based policy", action: string): string =>
  `because no ${kind} allows the ${action} action`;

/** What is known of every request. Organizations are not: a statement that asks for one is met by nobody. */
function contextOf(caller: Caller, own: Context = {}): Context {
  const now = new Date();
  return {
    "aws:PrincipalArn": `arn:aws:iam::${caller.account}:root`,
    "aws:PrincipalAccount": caller.account,
    "aws:PrincipalType": "Account",
    "aws:RequestedRegion": caller.region,
    // Where nobody is proved, nobody is kept out for how they came: what tools make denies everything without TLS.
    "aws:SecureTransport": String(caller.principal === undefined),
    "aws:CurrentTime": now.toISOString(),
    "aws:EpochTime": String(Math.floor(now.getTime() / 1000)),
    ...caller.context,
    ...own,
  };
}
