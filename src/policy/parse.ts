import { PolicyError } from "./malformed.ts";
import { instant, operators, rangeOf } from "./operators.ts";
import type { Condition, Policy, PrincipalNames, Statement } from "./statement.ts";

/**
 * Where a policy hangs, which decides what its statements must and must not have: of an identity (user, role, group),
 * of a resource, or of a role, saying who may assume it.
 */
export type PolicyKind = "identity" | "resource" | "trust";

type Json = Readonly<Record<string, unknown>>;

const topElements = ["Version", "Id", "Statement"];
const statementElements = [
  "Sid",
  "Effect",
  "Principal",
  "NotPrincipal",
  "Action",
  "NotAction",
  "Resource",
  "NotResource",
  "Condition",
];
const principalTypes = ["AWS", "Service", "Federated", "CanonicalUser"];

/**
 * Reads a policy document. Throws PolicyError in IAM's words where they are known.
 * Source: IAM User Guide, "Grammar of the IAM JSON policy language"; the messages are those of CreatePolicy.
 */
export function parsePolicy(text: string, kind: PolicyKind): Policy {
  const document = object(jsonOf(text));
  onlyKnown(document, topElements);
  const version = versionOf(document, kind);
  const id = document.Id === undefined ? undefined : string(document.Id);
  const statements = oneOrMore(document.Statement).map((statement) => statementOf(object(statement), version, kind));
  if (statements.length === 0) throw syntaxError();
  const sids = statements.flatMap(({ sid }) => (sid === undefined || sid === "" ? [] : [sid]));
  if (new Set(sids).size < sids.length) {
    throw new PolicyError("Statement IDs (SID) in a single policy must be unique.");
  }
  return { version, id, statements };
}

function versionOf({ Version }: Json, kind: PolicyKind): Policy["version"] {
  if (Version === "2012-10-17") return Version;
  if (kind === "identity") throw new PolicyError("Policy document must be version 2012-10-17 or greater.");
  if (Version === undefined || Version === "2008-10-17") return "2008-10-17";
  throw syntaxError();
}

function statementOf(given: Json, version: Policy["version"], kind: PolicyKind): Statement {
  onlyKnown(given, statementElements);
  const { Effect, Sid } = given;
  if (Effect !== "Allow" && Effect !== "Deny") throw syntaxError();
  if (Sid !== undefined && (typeof Sid !== "string" || (kind === "identity" && !/^[A-Za-z0-9]*$/.test(Sid)))) {
    throw syntaxError();
  }
  checkElements(given, kind);
  const statement: Statement = {
    sid: Sid,
    effect: Effect,
    principals: principalsOf(given.Principal),
    notPrincipals: principalsOf(given.NotPrincipal),
    actions: texts(given.Action),
    notActions: texts(given.NotAction),
    resources: texts(given.Resource),
    notResources: texts(given.NotResource),
    conditions: conditionsOf(given.Condition),
    variables: version === "2012-10-17",
  };
  for (const action of [...(statement.actions ?? []), ...(statement.notActions ?? [])]) checkAction(action);
  for (const resource of [...(statement.resources ?? []), ...(statement.notResources ?? [])]) checkResource(resource);
  return statement;
}

/** Which elements a statement has: one of each pair, and only those that its kind of policy knows. */
function checkElements(given: Json, kind: PolicyKind): void {
  const has = (name: string) => given[name] !== undefined;
  const pair = (name: string) => Number(has(name)) + Number(has(`Not${name}`));
  if (pair("Principal") > 1 || pair("Action") > 1 || pair("Resource") > 1) throw syntaxError();
  if (kind === "identity" && pair("Principal") > 0) {
    throw new PolicyError("Policy document should not specify a principal.");
  }
  if (kind !== "identity" && pair("Principal") === 0) throw new PolicyError("Missing required field Principal");
  if (pair("Action") === 0) throw new PolicyError("Policy statement must contain actions.");
  if (kind === "trust" && pair("Resource") > 0) throw new PolicyError("Has prohibited field Resource");
  if (kind !== "trust" && pair("Resource") === 0) throw new PolicyError("Policy statement must contain resources.");
}

function checkAction(action: string): void {
  if (action === "*") return;
  const [vendor = "", name] = action.split(":");
  if (name === undefined) {
    throw new PolicyError("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
  }
  if (!/^[A-Za-z0-9-]+$/.test(vendor)) throw new PolicyError(`Vendor ${vendor} is not valid`);
  if (!/^[^:]+:[A-Za-z0-9*?-]+$/.test(action)) throw syntaxError();
}

function checkResource(resource: string): void {
  if (resource === "*" || /^arn:[^:]+:[^:]+:[^:]*:[^:]*:[\s\S]+$/.test(resource)) return;
  // A star may stand for all that follows, and a variable for anything.
  if (/^arn:[\s\S]*\*$/.test(resource) || resource.startsWith("${")) return;
  throw new PolicyError(`Resource ${resource} must be in ARN format or "*".`);
}

function principalsOf(given: unknown): PrincipalNames | undefined {
  if (given === undefined) return undefined;
  if (given === "*") return "*";
  const names = object(given);
  onlyKnown(names, principalTypes);
  if (Object.keys(names).length === 0) throw syntaxError();
  return Object.fromEntries(Object.entries(names).map(([type, value]) => [type, texts(value) ?? []]));
}

function conditionsOf(given: unknown): readonly Condition[] {
  if (given === undefined) return [];
  return Object.entries(object(given)).flatMap(([name, block]) => {
    const [, quantifier, operator = "", ifExists] =
      /^(?:(ForAllValues|ForAnyValue):)?(.+?)(IfExists)?$/.exec(name) ?? [];
    if (operators[operator] === undefined && (operator !== "Null" || ifExists !== undefined)) throw syntaxError();
    return Object.entries(object(block)).map(([key, value]): Condition => {
      const values = oneOrMore(value).map(scalar);
      for (const one of values) checkValue(operator, one);
      return {
        operator,
        quantifier: quantifier as Condition["quantifier"],
        ifExists: ifExists !== undefined,
        key,
        values,
      };
    });
  });
}

/** What the operator could never be met with is refused when it is written, not found out when it is needed. */
function checkValue(operator: string, value: string): void {
  const wrong =
    (operator.startsWith("Numeric") && (value.trim() === "" || Number.isNaN(Number(value)))) ||
    (operator.startsWith("Date") && Number.isNaN(instant(value))) ||
    (operator.endsWith("IpAddress") && rangeOf(value) === undefined) ||
    ((operator === "Bool" || operator === "Null") && !/^(true|false)$/i.test(value) && !value.startsWith("${"));
  if (wrong) throw syntaxError();
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw syntaxError();
  }
}

function object(value: unknown): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw syntaxError();
}

function onlyKnown(value: Json, known: readonly string[]): void {
  if (Object.keys(value).some((name) => !known.includes(name))) throw syntaxError();
}

const oneOrMore = (value: unknown): readonly unknown[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

/** Undefined: the element is not there. An empty list is none. */
function texts(value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const list = oneOrMore(value).map(string);
  if (list.length === 0) throw syntaxError();
  return list;
}

function string(value: unknown): string {
  if (typeof value === "string") return value;
  throw syntaxError();
}

/** Conditions may have numbers and booleans where they mean their text. */
function scalar(value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return string(value);
}

const syntaxError = (): PolicyError => new PolicyError("Syntax errors in policy.");
