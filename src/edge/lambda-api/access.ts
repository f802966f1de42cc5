import { ServiceError } from "../../model/index.ts";
import { accountIdentity, type Context, type Evaluation } from "../../policy/index.ts";
import { functionArn, layerArn, type Registry } from "../../registry/index.ts";
import type { Caller } from "../caller.ts";
import { type FunctionRef, functionRef } from "./function-ref.ts";

type Policies = Pick<Registry, "functionPolicies" | "layerPolicies">;

/** Members of requests that name a function, perhaps by an ARN of another account. */
const functionMembers = ["FunctionName", "ResourceArn", "Resource"] as const;
/** … a layer */
const layerMembers = ["LayerName", "Arn"] as const;
const layerArnParts = /^arn:[^:]+:lambda:([^:]*):(\d{12}):layer:([^:]+)(?::(\d+))?$/;

/** The owner's root user is not to be locked out for good by a policy that denies everything to everybody. */
const ownersAlways: ReadonlySet<string> = new Set([
  "lambda:DeleteResourcePolicy",
  "lambda:GetPolicy",
  "lambda:GetResourcePolicy",
  "lambda:PutResourcePolicy",
  "lambda:RemovePermission",
]);

/**
 * Resource policies, as they hold whatever is known of the caller: what belongs to another account is reached only where its
 * policy lets that account in, and what a policy denies explicitly is denied to its own account too. The caller counts as
 * its account's root user. Throws AccessDeniedException in AWS's words, whether or not the resource exists.
 */
export function checkFunctionAccess(registry: Policies, caller: Caller, ref: FunctionRef, action: string): void {
  const foreign = ref.account !== caller.account;
  if (!foreign && (!registry.functionPolicies.denies(ref, ref.name) || ownersAlways.has(action))) return;
  const asked = { principal: accountIdentity(caller.account), action, context: contextOf(caller, action) };
  const { decision } = registry.functionPolicies.evaluate(ref, ref.name, ref.qualifier, asked);
  const arn = functionArn(ref, ref.name);
  decide(caller, action, ref.qualifier === undefined ? arn : `${arn}:${ref.qualifier}`, decision, foreign);
}

/**
 * The same for everything that a request of the control plane names: its function, its layer, and the layers that a
 * function is to have. Throws what functionRef() says about contradictory names, too.
 */
export function checkAccess(registry: Policies, caller: Caller, operation: string, input: unknown): void {
  const given = input as Readonly<Record<string, unknown>>;
  const text = (member: string): string => (typeof given[member] === "string" ? given[member] : "");
  const action = `lambda:${operation}`;
  for (const member of functionMembers) {
    const name = text(member);
    // An ARN of something else than a function has no policy; that operation looks for it in the caller's account.
    if (name === "" || (name.startsWith("arn:") && !name.includes(":function:"))) continue;
    checkFunctionAccess(registry, caller, functionRef(name, text("Qualifier") || undefined, caller), action);
  }
  const version = typeof given.VersionNumber === "number" ? given.VersionNumber : undefined;
  // By whichever name a layer's content is asked for, it is one action.
  const layerAction = operation === "GetLayerVersionByArn" ? "lambda:GetLayerVersion" : action;
  for (const member of layerMembers) checkLayerAccess(registry, caller, text(member), version, layerAction);
  if (!Array.isArray(given.Layers)) return;
  for (const arn of given.Layers) checkLayerAccess(registry, caller, String(arn), undefined, "lambda:GetLayerVersion");
}

function checkLayerAccess(
  registry: Policies,
  caller: Caller,
  arn: string,
  given: number | undefined,
  action: string,
): void {
  const [, region = "", account, name = "", own] = layerArnParts.exec(arn) ?? [];
  if (account === undefined || account === caller.account) return;
  const version = given ?? (own === undefined ? undefined : Number(own));
  const owner = { account, region };
  const asked = { principal: accountIdentity(caller.account), action, context: contextOf(caller, action) };
  const { decision } = registry.layerPolicies.evaluate(owner, name, version ?? 0, asked);
  const resource = layerArn(owner, name) + (version === undefined ? "" : `:${version}`);
  decide(caller, action, resource, decision, true);
}

function decide(
  caller: Caller,
  action: string,
  resource: string,
  decision: Evaluation["decision"],
  foreign: boolean,
): void {
  if (decision === "allow" || (decision === "none" && !foreign)) return;
  const why =
    decision === "deny"
      ? "with an explicit deny in a resource-based policy"
      : `because no resource-based policy allows the ${action} action`;
  throw new ServiceError(
    "AccessDeniedException",
    `User: arn:aws:iam::${caller.account}:root is not authorized to perform: ${action} on resource: ${resource} ${why}`,
  );
}

/** What is known of every request. Organizations are not: a statement that asks for one is met by nobody. */
function contextOf(caller: Caller, action: string): Context {
  const now = new Date();
  return {
    "aws:PrincipalArn": `arn:aws:iam::${caller.account}:root`,
    "aws:PrincipalAccount": caller.account,
    "aws:PrincipalType": "Account",
    "aws:RequestedRegion": caller.region,
    "aws:SecureTransport": "false",
    "aws:CurrentTime": now.toISOString(),
    "aws:EpochTime": String(Math.floor(now.getTime() / 1000)),
    ...(action === "lambda:InvokeFunction" ? { "lambda:InvokedViaFunctionUrl": "false" } : {}),
  };
}
