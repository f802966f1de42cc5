import { anonymous } from "../../policy/index.ts";
import type { Registry } from "../../registry/index.ts";
import type { Caller } from "../caller.ts";
import { checkFunctionAccess } from "../lambda-api/access.ts";
import type { RequestParts } from "../proxy/parts.ts";
import type { UrlPlace } from "./urls.ts";

type Policies = Pick<Registry, "functionPolicies" | "layerPolicies" | "functions" | "roles">;

/**
 * May this request invoke the function? Two permissions are needed: lambda:InvokeFunctionUrl, and lambda:InvokeFunction by way of
 * its URL. Whom nobody signed for (AuthType NONE), the function's policy must let in as everybody (`*`). Throws
 * AccessDeniedException. Source: Lambda Developer Guide, "Control access to Lambda function URLs" (since October 2025 both).
 */
export function isAllowed(
  registry: Policies,
  place: UrlPlace,
  parts: RequestParts,
  caller: Caller | undefined,
): boolean {
  const { record, name, qualifier, account, region } = place;
  const context = {
    "lambda:FunctionUrlAuthType": record.authType,
    "lambda:InvokedViaFunctionUrl": "true",
    "aws:SourceIp": parts.sourceIp,
    "aws:UserAgent": parts.userAgent,
    "aws:SecureTransport": String(parts.headers.get("x-forwarded-proto")?.[0] === "https"),
    "aws:CurrentTime": new Date(parts.at).toISOString(),
    "aws:EpochTime": String(Math.floor(parts.at / 1000)),
  };
  if (caller === undefined) {
    return actions.every(
      (action) =>
        registry.functionPolicies.evaluate(place, name, qualifier, { principal: anonymous, action, context })
          .decision === "allow",
    );
  }
  try {
    for (const action of actions) {
      checkFunctionAccess(registry, caller, { account, region, name, qualifier }, action, context);
    }
    return true;
  } catch {
    return false;
  }
}

const actions = ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"] as const;
