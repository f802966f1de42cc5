import { anonymous, type Context } from "../../policy/index.ts";
import type { Registry, ResourcePolicyRecord } from "../../registry/index.ts";
import type { Caller } from "../caller.ts";
import { checkFunctionAccess } from "../lambda-api/access.ts";
import type { RequestParts } from "../proxy/parts.ts";
import type { UrlPlace } from "./urls.ts";

type Policies = Pick<Registry, "functionPolicies" | "layerPolicies" | "functions" | "roles">;

const actions = ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"] as const;

/**
 * May this request invoke the function? Two permissions are needed: lambda:InvokeFunctionUrl, and lambda:InvokeFunction by way of
 * its URL. Whom nobody signed for (AuthType NONE), the function's policy must let in as everybody (`*`).
 * Source: Lambda Developer Guide, "Control access to Lambda function URLs" (since October 2025 both).
 */
export function isAllowed(
  registry: Policies,
  place: UrlPlace,
  parts: RequestParts,
  caller: Caller | undefined,
): boolean {
  if (caller === undefined) return isPublic(registry, place, parts);
  const { name, qualifier, account, region } = place;
  const context = contextOf(place, parts);
  try {
    for (const action of actions) {
      checkFunctionAccess(registry, caller, { account, region, name, qualifier }, action, context);
    }
    return true;
  } catch {
    return false;
  }
}

function isPublic({ functionPolicies }: Policies, place: UrlPlace, parts: RequestParts): boolean {
  const { name, qualifier } = place;
  const whole = functionPolicies.get(place, name);
  const own = qualifier === undefined ? undefined : functionPolicies.get(place, name, qualifier);
  const first = own ?? whole;
  if (first === undefined) return false;
  const kept = answers.get(first);
  if (kept !== undefined && kept.whole === whole && kept.qualifier === qualifier) return kept.allowed;
  const context = contextOf(place, parts);
  const allowed = actions.every(
    (action) =>
      functionPolicies.evaluate(place, name, qualifier, { principal: anonymous, action, context }).decision === "allow",
  );
  if (isConstant(first) && (whole === undefined || isConstant(whole)))
    answers.set(first, { whole, qualifier, allowed });
  return allowed;
}

/** What a policy says to everybody, where it says the same to all requests; a policy that changes is another record. */
const answers = new WeakMap<
  ResourcePolicyRecord,
  {
    readonly whole: ResourcePolicyRecord | undefined;
    readonly qualifier: string | undefined;
    readonly allowed: boolean;
  }
>();

/** Condition keys that are the same for every request to a public URL: they are about it, or nobody has them. */
const constantKeys: ReadonlySet<string> = new Set([
  "lambda:functionurlauthtype",
  "lambda:invokedviafunctionurl",
  "lambda:eventsourcetoken",
  "aws:sourcearn",
  "aws:sourceaccount",
  "aws:principalorgid",
]);

function isConstant({ document }: ResourcePolicyRecord): boolean {
  if (document.includes("${")) return false;
  const { Statement } = JSON.parse(document) as { Statement: unknown };
  return [Statement].flat().every((statement) => {
    const { Condition = {} } = statement as { Condition?: Readonly<Record<string, object>> };
    const keys = Object.values(Condition).flatMap((keyed) => Object.keys(keyed));
    return keys.every((key) => constantKeys.has(key.toLowerCase()));
  });
}

function contextOf({ record }: UrlPlace, parts: RequestParts): Context {
  return {
    "lambda:FunctionUrlAuthType": record.authType,
    "lambda:InvokedViaFunctionUrl": "true",
    "aws:SourceIp": parts.sourceIp,
    "aws:UserAgent": parts.userAgent,
    "aws:Referer": parts.headers.get("referer")?.[0],
    "aws:SecureTransport": String(parts.headers.get("x-forwarded-proto")?.[0] === "https"),
    "aws:CurrentTime": new Date(parts.at).toISOString(),
    "aws:EpochTime": String(Math.floor(parts.at / 1000)),
  };
}
