import { ServiceError } from "../../model/index.ts";
import type { Registry } from "../../registry/index.ts";
import type { Caller } from "../caller.ts";
import { authorize } from "./authorize.ts";
import { judge } from "./permissions.ts";
import { rolePrincipal } from "./principal.ts";

/** Of sessions that the platform itself opens for rules and schedules. */
const sessionName = "events";
const roleParts = /^arn:[^:]+:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/;

/**
 * May the caller hand this role to a service? Everybody, where permissions are not checked. Throws AccessDeniedException.
 * Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service".
 */
export function checkPassRole(caller: Caller | undefined, arn: string, service: string): void {
  if (caller?.permissions === undefined) return;
  if (arn.split(":")[4] !== caller.account) {
    throw new ServiceError("AccessDeniedException", "Cross-account pass role is not allowed.");
  }
  authorize(caller, { action: "iam:PassRole", resource: arn, context: { "iam:PassedToService": service } });
}

/** Tells what the policies of a role, by its ARN, allow. A role that is not there may nothing. */
export function createRoleJudge(
  registry: Pick<Registry, "roles" | "policies" | "named">,
): (roleArn: string, action: string, resource: string) => boolean {
  return (roleArn, action, resource) => {
    const [, account = "", role = ""] = roleParts.exec(roleArn) ?? [];
    if (registry.roles.get(account, role) === undefined) return false;
    const holder = { kind: "role", role, name: sessionName } as const;
    const session = { keyId: "", secret: "", account, holder, issued: 0, expires: 0 };
    const principal = rolePrincipal(registry, session, role, sessionName);
    const { denied, allowed } = judge(registry, principal, { action, resource, context: {} });
    return denied === undefined && Object.values(allowed).every(Boolean);
  };
}
