import { type Context, evaluate, parsePolicy, type Statement } from "../../policy/index.ts";
import type { GroupRecord, PolicyRecord, Registry, RoleRecord, UserRecord } from "../../registry/index.ts";
import { awsManagedPolicy } from "./managed-policies.ts";
import type { Principal } from "./principal.ts";

/** What is to be done, apart from who does it. */
export interface Act {
  readonly action: string;
  /** an ARN, or `*` */
  readonly resource: string;
  readonly context: Context;
}

/** The kinds of policies that a principal brings along, as refusals call them. */
export type OwnPolicy = "identity-based policy" | "permissions boundary" | "session policy";

/** What a principal's own policies say about an act. */
export interface Verdict {
  /** the first kind that denies it explicitly */
  readonly denied: OwnPolicy | undefined;
  /** allowed by each kind; a kind that it does not have allows everything, but for identity policies */
  readonly allowed: Readonly<Record<OwnPolicy, boolean>>;
}

/** Statements by kind. Undefined: it has none of that kind, and is not narrowed by it. */
export interface OwnStatements {
  readonly identity: readonly Statement[];
  readonly boundary: readonly Statement[] | undefined;
  /** all of them together: AWS intersects with their union */
  readonly session: readonly Statement[] | undefined;
}

type Identities = Pick<Registry, "roles" | "policies" | "named">;

/**
 * Judges an act by the principal's own policies. An account's root user may everything, unless its session was narrowed.
 * Source: IAM User Guide, "Policy evaluation logic".
 */
export function judge(registry: Identities, principal: Principal, act: Act): Verdict {
  return judgeBy(ownStatements(registry, principal), act);
}

export function judgeBy({ identity, boundary, session }: OwnStatements, act: Act): Verdict {
  const byIdentity = evaluate(identity, act).decision;
  const byBoundary = boundary === undefined ? "allow" : evaluate(boundary, act).decision;
  const bySession = session === undefined ? "allow" : evaluate(session, act).decision;
  const denied =
    byIdentity === "deny"
      ? "identity-based policy"
      : byBoundary === "deny"
        ? "permissions boundary"
        : bySession === "deny"
          ? "session policy"
          : undefined;
  return {
    denied,
    allowed: {
      "identity-based policy": byIdentity === "allow",
      "permissions boundary": byBoundary === "allow",
      "session policy": bySession === "allow",
    },
  };
}

const everything = parsePolicy(
  '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
  "identity",
).statements;

/** All statements of the policies that a principal has at this moment. */
export function ownStatements(registry: Identities, principal: Principal): OwnStatements {
  const { account, kind, name, session } = principal;
  const narrowing = sessionStatements(registry, principal);
  if (kind === "root") return { identity: everything, boundary: undefined, session: narrowing };
  if (kind === "role") {
    const role = registry.roles.get(account, name);
    return {
      identity: role === undefined ? [] : statementsOfHolder(registry, role),
      boundary: boundaryOf(registry, role),
      session: session === undefined ? undefined : narrowing,
    };
  }
  const user = registry.named<UserRecord>("iam-user").get(account, name);
  const groups = registry.named<GroupRecord>("iam-group").list(account);
  const holders = [...(user === undefined ? [] : [user]), ...groups.filter(({ members }) => members.includes(name))];
  return {
    identity: holders.flatMap((holder) => statementsOfHolder(registry, holder)),
    boundary: boundaryOf(registry, user),
    session: narrowing,
  };
}

function sessionStatements(registry: Identities, { session }: Principal): readonly Statement[] | undefined {
  const { policies = [], policyArns = [] } = session ?? {};
  if (policies.length === 0 && policyArns.length === 0) return undefined;
  return [...policies.flatMap(identityStatements), ...policyArns.flatMap((arn) => managedStatements(registry, arn))];
}

const statementsOfHolder = (
  registry: Identities,
  { inline, attached }: Pick<RoleRecord, "inline" | "attached">,
): readonly Statement[] => [
  ...Object.values(inline).flatMap(identityStatements),
  ...attached.flatMap((arn) => managedStatements(registry, arn)),
];

/** A boundary that is gone allows nothing. */
function boundaryOf(
  registry: Identities,
  holder: { readonly boundary?: string | undefined } | undefined,
): readonly Statement[] | undefined {
  return holder?.boundary === undefined ? undefined : managedStatements(registry, holder.boundary);
}

const managedStatements = (registry: Identities, arn: string): readonly Statement[] => {
  const document = managedDocument(registry, arn);
  return document === undefined ? [] : identityStatements(document);
};

/** The default version's document of a managed policy, AWS's or a customer's. Undefined: there is none of this name. */
export function managedDocument(registry: Pick<Registry, "policies">, arn: string): string | undefined {
  const own = customerPolicy(registry, arn);
  return own === undefined ? awsManagedPolicy(arn)?.document : own.document;
}

/** Undefined: none has this ARN. */
export function customerPolicy(registry: Pick<Registry, "policies">, arn: string): PolicyRecord | undefined {
  const [, account = "", path = "", name = ""] = /^arn:[^:]+:iam::(\d{12}):policy(\/(?:.*\/)?)([^/]+)$/.exec(arn) ?? [];
  const policy = registry.policies.get(account, name);
  return policy?.path === path ? policy : undefined;
}

/** Documents that have been read; as many as policies may be in use at once. */
const read = new Map<string, readonly Statement[]>();
const keptDocuments = 2000;

/** A document's statements, read once. One that cannot be read (stored by an older version) denies everything. */
function identityStatements(document: string): readonly Statement[] {
  const known = read.get(document);
  if (known !== undefined) return known;
  let statements: readonly Statement[];
  try {
    statements = parsePolicy(document, "identity").statements;
  } catch {
    statements = [denyEverything];
  }
  if (read.size >= keptDocuments) read.delete(read.keys().next().value!);
  read.set(document, statements);
  return statements;
}

/** Of a policy that cannot be read nobody knows what it denies. */
const denyEverything: Statement = { ...everything[0]!, effect: "Deny" };
