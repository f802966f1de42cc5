import { holds } from "./conditions.ts";
import { matcher, matches } from "./glob.ts";
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
  const action = request.action.toLowerCase();
  const denying: Statement[] = [];
  const allowing: Statement[] = [];
  let through: Evaluation["through"];
  for (const statement of statements) {
    const named = nameIn(statement, request.principal);
    if (named === "none" || !isAbout(statement, action, request.resource, lookup)) continue;
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

function isAbout(statement: Statement, action: string, resource: string, lookup: Lookup): boolean {
  const { actions, notActions, resources, notResources } = prepared(statement);
  if (actions !== undefined && !actions.some((matches) => matches(action))) return false;
  if (notActions?.some((matches) => matches(action))) return false;
  if (resources !== undefined && !resources.some((matches) => matches(resource, lookup))) return false;
  if (notResources?.some((matches) => matches(resource, lookup))) return false;
  return statement.conditions.every((condition) => holds(condition, statement.variables, lookup));
}

/** A statement's patterns, made ready. */
interface Prepared {
  readonly actions: readonly ((action: string) => boolean)[] | undefined;
  readonly notActions: readonly ((action: string) => boolean)[] | undefined;
  readonly resources: readonly ((resource: string, lookup: Lookup) => boolean)[] | undefined;
  readonly notResources: readonly ((resource: string, lookup: Lookup) => boolean)[] | undefined;
}

const preparations = new WeakMap<Statement, Prepared>();

function prepared(statement: Statement): Prepared {
  const known = preparations.get(statement);
  if (known !== undefined) return known;
  // Actions have no case.
  const action = (pattern: string) => matcher(pattern.toLowerCase());
  const resource = (pattern: string) => {
    if (!statement.variables || !pattern.includes("${")) return matcher(pattern);
    return (text: string, lookup: Lookup) => {
      const glob = expand(pattern, true, lookup);
      return glob !== undefined && matches(glob, text);
    };
  };
  const made: Prepared = {
    actions: statement.actions?.map(action),
    notActions: statement.notActions?.map(action),
    resources: statement.resources?.map(resource),
    notResources: statement.notResources?.map(resource),
  };
  preparations.set(statement, made);
  return made;
}

/** Most statements ask for no key: names are not folded before one does. */
function lookupOf(context: Context): Lookup {
  let values: Map<string, readonly string[]> | undefined;
  return (key) => {
    if (values === undefined) {
      values = new Map();
      for (const [name, value] of Object.entries(context)) {
        if (value !== undefined) values.set(name.toLowerCase(), typeof value === "string" ? [value] : value);
      }
    }
    return values.get(key.toLowerCase());
  };
}
