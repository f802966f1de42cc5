import { holds } from "./conditions.ts";
import { matches } from "./glob.ts";
import { actionMatches } from "./operators.ts";
import { type Identity, leftOut, type Naming, naming } from "./principal.ts";
import type { Context, Statement } from "./statement.ts";
import { expand, type Lookup } from "./variables.ts";

/** What somebody wants to do. */
export interface Request {
  /** left out for policies of an identity, which name nobody */
  readonly principal?: Identity | undefined;
  /** `lambda:InvokeFunction` */
  readonly action: string;
  /** an ARN, or `*` for actions that are about no resource in particular */
  readonly resource: string;
  readonly context?: Context | undefined;
}

export interface Evaluation {
  /** `none`: no statement is about this request, which for all but the account's own means no */
  readonly decision: "allow" | "deny" | "none";
  /** the statements that decided, in the document's order: all that deny, or all that allow */
  readonly matched: readonly Statement[];
  /**
   * For `allow` by Principal elements: `name`, the identity itself (or everybody); `account`, only its account, which then
   * has to grant the rest by its own policies. Undefined for statements without principals.
   */
  readonly through: "name" | "account" | undefined;
}

/** Decides by all statements together: any that denies, else any that allows, else none. */
export function evaluate(statements: readonly Statement[], request: Request): Evaluation {
  const lookup = lookupOf(request.context ?? {});
  const denying: Statement[] = [];
  const allowing: Statement[] = [];
  let through: Evaluation["through"];
  for (const statement of statements) {
    const named = nameIn(statement, request.principal);
    if (named === "none" || !isAbout(statement, request, lookup)) continue;
    if (statement.effect === "Deny") denying.push(statement);
    else {
      allowing.push(statement);
      if (named !== undefined && through !== "name") through = named;
    }
  }
  if (denying.length > 0) return { decision: "deny", matched: denying, through: undefined };
  if (allowing.length > 0) return { decision: "allow", matched: allowing, through };
  return { decision: "none", matched: [], through: undefined };
}

/** Undefined: the statement names nobody, as those of an identity's own policies. */
function nameIn({ principals, notPrincipals }: Statement, who: Identity | undefined): Naming | undefined {
  if (principals === undefined && notPrincipals === undefined) return undefined;
  if (who === undefined) return "none";
  if (principals !== undefined) return naming(principals, who);
  return leftOut(notPrincipals ?? "*", who) ? "none" : "name";
}

function isAbout(statement: Statement, { action, resource }: Request, lookup: Lookup): boolean {
  const { actions, notActions, resources, notResources, conditions, variables } = statement;
  const hasAction = (patterns: readonly string[]) => patterns.some((pattern) => actionMatches(pattern, action));
  const hasResource = (patterns: readonly string[]) =>
    patterns.some((pattern) => {
      const glob = expand(pattern, variables, lookup);
      return glob !== undefined && matches(glob, resource);
    });
  if (actions !== undefined && !hasAction(actions)) return false;
  if (notActions !== undefined && hasAction(notActions)) return false;
  if (resources !== undefined && !hasResource(resources)) return false;
  if (notResources !== undefined && hasResource(notResources)) return false;
  return conditions.every((condition) => holds(condition, variables, lookup));
}

function lookupOf(context: Context): Lookup {
  const values = new Map<string, readonly string[]>();
  for (const [key, value] of Object.entries(context)) {
    if (value !== undefined) values.set(key.toLowerCase(), typeof value === "string" ? [value] : value);
  }
  return (key) => values.get(key.toLowerCase());
}
