import { functionArn, layerArn, type Registry } from "../../registry/index.ts";
import { authorize, type Question } from "../auth/index.ts";
import type { Caller } from "../caller.ts";
import { actionOf, conditionsOf, isUnscoped, resourceOf } from "./actions.ts";
import { checkRole } from "./execution-role.ts";
import { type FunctionRef, functionRef } from "./function-ref.ts";

type Policies = Pick<Registry, "functionPolicies" | "layerPolicies" | "functions" | "roles">;
type Input = Readonly<Record<string, unknown>>;

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
 * May the caller do this to a function? Its resource policy holds whatever is known of the caller: what belongs to another
 * account is reached only where the policy lets that account in, and what it denies explicitly is denied to its own account
 * too. With `--auth iam` the caller's own policies hold as well. Throws AccessDeniedException in AWS's words, whether or not the
 * resource exists. Runs for every invocation.
 */
export function checkFunctionAccess(
  registry: Policies,
  caller: Caller,
  ref: FunctionRef,
  action: string,
  context: Question["context"] = {},
  resource?: string,
): void {
  const own = ref.account === caller.account;
  if (own && caller.permissions === undefined && !registry.functionPolicies.denies(ref, ref.name)) return;
  const arn = functionArn(ref, ref.name);
  const isRoot = caller.principal === undefined || caller.principal.kind === "root";
  const keepsAccess = own && isRoot && ownersAlways.has(action);
  const invoking = action === "lambda:InvokeFunction" ? { "lambda:InvokedViaFunctionUrl": "false" } : {};
  authorize(caller, {
    action,
    resource: resource ?? (ref.qualifier === undefined ? arn : `${arn}:${ref.qualifier}`),
    owner: ref.account,
    context: { ...tagsOfFunction(registry, ref), ...invoking, ...context },
    policy: keepsAccess
      ? undefined
      : (asked) => registry.functionPolicies.evaluate(ref, ref.name, ref.qualifier, asked),
  });
}

/**
 * The same for everything that a request of the control plane names: its function, its layer, the layers that a function
 * is to have, the role it is to run as. Throws what functionRef() says about contradictory names, too.
 */
export function checkAccess(registry: Policies, caller: Caller, operation: string, input: unknown): void {
  const given = input as Input;
  const text = (member: string): string => (typeof given[member] === "string" ? given[member] : "");
  const action = actionOf(operation);
  const context = conditionsOf(given, caller);
  let named = false;
  for (const member of functionMembers) {
    const name = text(member);
    // An ARN of something else than a function has no policy; that operation looks for it in the caller's account.
    if (name === "" || (name.startsWith("arn:") && !name.includes(":function:"))) continue;
    named = true;
    const ref = functionRef(name, text("Qualifier") || undefined, caller);
    checkFunctionAccess(registry, caller, ref, action, context, isUnscoped(operation) ? "*" : undefined);
  }
  const version = typeof given.VersionNumber === "number" ? given.VersionNumber : undefined;
  for (const member of layerMembers) {
    if (text(member) === "") continue;
    named = true;
    checkLayerAccess(registry, caller, text(member), version, action, isUnscoped(operation));
  }
  if (!named) authorize(caller, { action, resource: resourceOf(operation, given, caller), context });
  checkWhatComesAlong(registry, caller, operation, given);
}

/** Tags, layers and the role of a function need permissions of their own. */
function checkWhatComesAlong(registry: Policies, caller: Caller, operation: string, given: Input): void {
  if (Array.isArray(given.Layers)) {
    for (const arn of given.Layers) {
      checkLayerAccess(registry, caller, String(arn), undefined, "lambda:GetLayerVersion", false);
    }
  }
  if (operation !== "CreateFunction" && operation !== "UpdateFunctionConfiguration") return;
  const ref = functionRef(String(given.FunctionName ?? ""), undefined, caller);
  const context = conditionsOf(given, caller);
  if (operation === "CreateFunction" && caller.permissions !== undefined && Object.keys(given.Tags ?? {}).length > 0) {
    checkFunctionAccess(registry, caller, ref, "lambda:TagResource", context);
  }
  if (typeof given.Role === "string") checkRole(registry, caller, given.Role, functionArn(ref, ref.name));
}

function checkLayerAccess(
  registry: Policies,
  caller: Caller,
  nameOrArn: string,
  given: number | undefined,
  action: string,
  unscoped: boolean,
): void {
  const [, region, account, named, own] = layerArnParts.exec(nameOrArn) ?? [];
  const owner = { account: account ?? caller.account, region: region ?? caller.region };
  if (owner.account === caller.account && caller.permissions === undefined) return;
  const name = named ?? nameOrArn;
  const version = given ?? (own === undefined ? undefined : Number(own));
  authorize(caller, {
    action,
    // Of another account's layer the refusal names the layer.
    resource:
      unscoped && owner.account === caller.account
        ? "*"
        : layerArn(owner, name) + (version === undefined ? "" : `:${version}`),
    owner: owner.account,
    policy: (asked) => registry.layerPolicies.evaluate(owner, name, version ?? 0, asked),
  });
}

function tagsOfFunction(registry: Policies, ref: FunctionRef): Question["context"] {
  const tags = registry.functions.find(ref, ref.name)?.record.tags ?? {};
  return Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:ResourceTag/${key}`, value]));
}
