import { ServiceError } from "../../model/index.ts";
import { evaluate, parsePolicy, serviceIdentity } from "../../policy/index.ts";
import type { Registry, RoleRecord } from "../../registry/index.ts";
import { authorize } from "../auth/index.ts";
import type { Caller } from "../caller.ts";

const service = "lambda.amazonaws.com";
const roleArnParts = /^arn:aws[a-zA-Z-]*:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/;

/**
 * May the caller hand this role to a function, and may Lambda take it? A role that nobody has made is taken as it is, unless
 * permissions are checked. Throws AccessDeniedException or InvalidParameterValueException in AWS's words.
 */
export function checkRole(registry: Pick<Registry, "roles">, caller: Caller, arn: string, functionArn: string): void {
  const [, account = "", name = ""] = roleArnParts.exec(arn) ?? [];
  if (caller.permissions !== undefined) {
    if (account !== caller.account) {
      throw new ServiceError("AccessDeniedException", "Cross-account pass role is not allowed.");
    }
    const context = { "iam:PassedToService": service, "iam:AssociatedResourceArn": functionArn };
    authorize(caller, { action: "iam:PassRole", resource: arn, context });
  }
  const role = registry.roles.get(account, name);
  if (role === undefined ? caller.permissions === undefined : trusts(role, arn)) return;
  throw new ServiceError(
    "InvalidParameterValueException",
    "The role defined for the function cannot be assumed by Lambda.",
  );
}

function trusts({ assumeRolePolicy }: RoleRecord, resource: string): boolean {
  try {
    const { statements } = parsePolicy(assumeRolePolicy, "trust");
    return (
      evaluate(statements, { principal: serviceIdentity(service), action: "sts:AssumeRole", resource }).decision ===
      "allow"
    );
  } catch {
    // Written before documents were checked.
    return false;
  }
}
