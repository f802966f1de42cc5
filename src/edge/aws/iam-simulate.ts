import {
  accountIdentity,
  type Context,
  contextKeys,
  evaluate,
  type Identity,
  PolicyError,
  parsePolicy,
  roleIdentity,
  type Statement,
  userIdentity,
} from "../../policy/index.ts";
import { judgeBy, type OwnStatements, ownStatements } from "../auth/permissions.ts";
import { rolePrincipal, rootPrincipal, userPrincipal } from "../auth/principal.ts";
import { type Action, listOf, type QueryCall, QueryError, required } from "./action.ts";
import { paged } from "./iam-pages.ts";
import { usersOf } from "./iam-users.ts";
import type { Xml } from "./xml.ts";

/** What would be decided, without anything being done. Source: IAM API Reference, "SimulatePrincipalPolicy". */
export const simulationActions: Readonly<Record<string, Action>> = {
  SimulatePrincipalPolicy(call) {
    const source = sourceOf(call, required(call.fields, "PolicySourceArn"));
    const own = {
      ...source.own,
      identity: [...source.own.identity, ...statementsIn(call, "PolicyInputList")],
      boundary: boundaryIn(call) ?? source.own.boundary,
    };
    return simulated(call, own, callerIn(call) ?? source.identity);
  },

  SimulateCustomPolicy(call) {
    const identity = statementsIn(call, "PolicyInputList");
    if (identity.length === 0) required(call.fields, "PolicyInputList");
    return simulated(call, { identity, boundary: boundaryIn(call), session: undefined }, callerIn(call));
  },

  GetContextKeysForCustomPolicy: (call) => ({
    ContextKeyNames: [...contextKeys(statementsIn(call, "PolicyInputList"))],
  }),

  GetContextKeysForPrincipalPolicy(call) {
    const { own } = sourceOf(call, required(call.fields, "PolicySourceArn"));
    const statements = [...own.identity, ...(own.boundary ?? []), ...statementsIn(call, "PolicyInputList")];
    return { ContextKeyNames: [...contextKeys(statements)] };
  },
};

function simulated(call: QueryCall, own: OwnStatements, principal: Identity | undefined): Xml {
  const { fields } = call;
  const actions = listOf(fields, "ActionNames");
  if (actions.length === 0) required(fields, "ActionNames");
  const resources = listOf(fields, "ResourceArns");
  const context = contextIn(fields);
  const ofResource = fields.has("ResourcePolicy") ? readStatements(required(fields, "ResourcePolicy"), "resource") : [];
  const asked = contextKeys([...own.identity, ...(own.boundary ?? []), ...ofResource]);
  const given = new Set(Object.keys(context).map((key) => key.toLowerCase()));
  const missing = asked.filter((key) => !given.has(key.toLowerCase()));
  const results = actions.flatMap((action) =>
    (resources.length === 0 ? ["*"] : resources).map((resource) => {
      const { denied, allowed } = judgeBy(own, { action, resource, context });
      const byResource = evaluate(ofResource, { principal, action, resource, context });
      const permitted =
        Object.values(allowed).every(Boolean) || (byResource.decision === "allow" && byResource.through === "name");
      const isDenied = denied !== undefined || byResource.decision === "deny";
      return {
        name: `${action} ${resource}`,
        view: {
          EvalActionName: action,
          EvalResourceName: resource,
          EvalDecision: isDenied ? "explicitDeny" : permitted ? "allowed" : "implicitDeny",
          MatchedStatements: [],
          MissingContextValues: missing,
          PermissionsBoundaryDecisionDetail:
            own.boundary === undefined ? undefined : { AllowedByPermissionsBoundary: allowed["permissions boundary"] },
        },
      };
    }),
  );
  return paged(
    fields,
    "EvaluationResults",
    results,
    ({ name }) => name,
    ({ view }) => view,
  );
}

/** Whose policies are meant: a user, a role, or an account's root. Groups' own are taken alone. */
function sourceOf(call: QueryCall, arn: string): { readonly own: OwnStatements; readonly identity: Identity } {
  const [, account = "", kind = "", name = ""] =
    /^arn:[^:]+:iam::(\d{12}):(user|role|root)(?:\/(?:.*\/)?([^/]+))?$/.exec(arn) ?? [];
  const { registry } = call;
  if (kind === "")
    throw new QueryError(
      400,
      "InvalidInput",
      `Invalid Entity Arn: ${arn} does not clearly define entity type and name.`,
    );
  if (kind === "root")
    return { own: ownStatements(registry, rootPrincipal(account)), identity: accountIdentity(account) };
  if (kind === "user") {
    const user = account === call.account ? usersOf(call).get(account, name) : undefined;
    if (user === undefined) throw new QueryError(404, "NoSuchEntity", `The user with name ${name} cannot be found.`);
    const principal = userPrincipal(user);
    return { own: ownStatements(registry, principal), identity: principal.identity };
  }
  if (account !== call.account || registry.roles.get(account, name) === undefined) {
    throw new QueryError(404, "NoSuchEntity", `The role with name ${name} cannot be found.`);
  }
  const session = {
    keyId: "",
    secret: "",
    account,
    holder: { kind: "role", role: name, name: "simulated" },
    issued: 0,
    expires: 0,
  } as const;
  const principal = rolePrincipal(registry, session, name, "simulated");
  return { own: ownStatements(registry, principal), identity: principal.identity };
}

function callerIn({ fields }: QueryCall): Identity | undefined {
  const arn = fields.get("CallerArn");
  if (arn === null) return undefined;
  return /:role\//.test(arn) ? roleIdentity(arn, arn) : userIdentity(arn);
}

function boundaryIn(call: QueryCall): readonly Statement[] | undefined {
  const documents = listOf(call.fields, "PermissionsBoundaryPolicyInputList");
  return documents.length === 0 ? undefined : statementsIn(call, "PermissionsBoundaryPolicyInputList");
}

const statementsIn = ({ fields }: QueryCall, list: string): readonly Statement[] =>
  listOf(fields, list).flatMap((document) => readStatements(document, "identity"));

function readStatements(document: string, kind: "identity" | "resource"): readonly Statement[] {
  try {
    return parsePolicy(document, kind).statements;
  } catch (error) {
    if (error instanceof PolicyError) throw new QueryError(400, "InvalidInput", `Invalid Policy: ${error.message}`);
    throw error;
  }
}

/** `ContextEntries.member.1.ContextKeyName`, `….ContextKeyValues.member.1` */
function contextIn(fields: URLSearchParams): Context {
  const context: Record<string, readonly string[]> = {};
  for (let index = 1; index <= 500; index += 1) {
    const prefix = `ContextEntries.member.${index}`;
    const key = fields.get(`${prefix}.ContextKeyName`);
    if (key === null) break;
    context[key] = listOf(fields, `${prefix}.ContextKeyValues`);
  }
  return context;
}
