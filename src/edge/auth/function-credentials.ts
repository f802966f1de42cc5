import type { FunctionVersion } from "../../model/index.ts";
import type { Registry } from "../../registry/index.ts";
import type { SecretsNeeds } from "./secrets.ts";
import { createSessions } from "./sessions.ts";

/**
 * How long a function's credentials are good for, seconds. An environment gets them once, as variables, and cannot be given
 * others; copies get their own, but what init has kept of its template's is in them too. So it is longer than images live.
 */
const validSeconds = 36 * 3600;
const roleParts = /^arn:[^:]+:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/;

/**
 * The variables by which AWS's clients inside a function sign as its execution role, in a session with the function's name,
 * new for every environment. Undefined: the function is gone.
 * Source: Lambda Developer Guide, "Defined runtime environment variables".
 */
export function createFunctionCredentials(
  needs: SecretsNeeds & { readonly registry: Pick<Registry, "functions" | "named"> },
  clock?: () => number,
): (target: FunctionVersion) => Readonly<Record<string, string>> | undefined {
  const sessions = createSessions(needs, clock);
  return (target) => {
    const entry = needs.registry.functions.find(target, target.name);
    const version = target.version === "$LATEST" ? entry?.latest : entry?.versions.get(target.version);
    const [, account, role] = roleParts.exec(version?.settings.Role ?? "") ?? [];
    if (account === undefined || role === undefined) return undefined;
    const issued = sessions.issue({ account, holder: { kind: "role", role, name: target.name } }, validSeconds);
    return {
      AWS_ACCESS_KEY_ID: issued.AccessKeyId,
      AWS_SECRET_ACCESS_KEY: issued.SecretAccessKey,
      AWS_SESSION_TOKEN: issued.SessionToken,
    };
  };
}

/**
 * Credentials as signers take them, for the platform's own requests to itself: on behalf of an account, or of a role (an ARN),
 * which may be another account's.
 */
export function createAccountCredentials(
  needs: SecretsNeeds,
): (account: string, roleArn?: string) => { accessKeyId: string; secretAccessKey: string; sessionToken: string } {
  const sessions = createSessions(needs);
  return (account, roleArn) => {
    const [, owner, role] = roleParts.exec(roleArn ?? "") ?? [];
    const session =
      owner === undefined || role === undefined
        ? { account, holder: { kind: "user", user: undefined } as const }
        : { account: owner, holder: { kind: "role", role, name: "events" } as const };
    const issued = sessions.issue(session, 900);
    return {
      accessKeyId: issued.AccessKeyId,
      secretAccessKey: issued.SecretAccessKey,
      sessionToken: issued.SessionToken,
    };
  };
}
