import { randomBytes } from "node:crypto";
import { type Evaluation, evaluate, PolicyError, parsePolicy } from "../../policy/index.ts";
import { reasonAgainst } from "../auth/index.ts";
import { accountOfKeyId } from "../auth/key-ids.ts";
import { rolePrincipal } from "../auth/principal.ts";
import { type Action, integer, type QueryCall, QueryError, required, requiredName, tagsOf } from "./action.ts";
import { checkDocument } from "./iam-documents.ts";

/** Roles to assume: `arn:aws:iam::123456789012:role/path/name`. */
const roleArn = /^arn:aws[a-zA-Z-]*:iam::(\d{12}):role\/(?:.*\/)?([\w+=,.@-]{1,64})$/;
/** Characters of a session's policies. Source: STS API Reference, "AssumeRole". */
const packedLimit = 2048;

/**
 * AWS Security Token Service. Where signatures are not checked, the credentials that it gives select the role's account and
 * nothing else, and a role need not exist to be assumed; trust policies are asked with `--auth iam`, and with known keys for
 * roles of other accounts.
 */
export const stsActions: Readonly<Record<string, Action>> = {
  GetCallerIdentity({ account, caller }) {
    const { arn = `arn:aws:iam::${account}:root`, userId = account } = caller.principal ?? {};
    return { Arn: arn, UserId: userId, Account: account };
  },

  AssumeRole(call) {
    const { fields, registry, caller } = call;
    const arn = required(fields, "RoleArn");
    const name = requiredName(fields, "RoleSessionName", 64);
    const seconds = integer(fields, "DurationSeconds", 900, 43_200, 3600);
    const [, account, role] = roleArn.exec(arn) ?? [];
    if (account === undefined || role === undefined) {
      throw new QueryError(400, "ValidationError", `${arn} is invalid`);
    }
    const { packed, ...narrowing } = narrowingOf(fields);
    const tags = tagsOf(fields);
    const sourceIdentity = fields.get("SourceIdentity") ?? caller.principal?.session?.sourceIdentity;
    // Even where permissions are not checked, another account's roles are not for the taking.
    const foreign = caller.principal !== undefined && account !== caller.account;
    if (caller.permissions !== undefined || foreign)
      checkTrust(call, arn, account, role, { name, tags, sourceIdentity });
    checkDuration(call, account, role, seconds);
    const session = { account, holder: { kind: "role", role, name }, ...narrowing, tags, sourceIdentity } as const;
    const { arn: Arn, userId } = rolePrincipal(registry, { ...session, ...unissued }, role, name);
    return {
      Credentials: credentials(call, session, seconds),
      AssumedRoleUser: { AssumedRoleId: userId, Arn },
      PackedPolicySize: packed,
      SourceIdentity: sourceIdentity,
    };
  },

  // Nobody can have told us of a provider: IAM's operations for them are not there.
  AssumeRoleWithWebIdentity({ fields }) {
    required(fields, "RoleArn");
    const token = required(fields, "WebIdentityToken");
    const message = `No OpenIDConnect provider found in your account for ${issuerOf(token)}`;
    throw new QueryError(400, "InvalidIdentityToken", message);
  },

  GetSessionToken(call) {
    const { account, caller, fields } = call;
    const { principal } = caller;
    if (principal?.session !== undefined) {
      throw new QueryError(403, "AccessDenied", "Cannot call GetSessionToken with session credentials");
    }
    const longest = principal?.kind === "root" ? 3600 : 129_600;
    const seconds = Math.min(integer(fields, "DurationSeconds", 900, 129_600, 43_200), longest);
    const user = principal?.kind === "user" ? principal.name : undefined;
    return { Credentials: credentials(call, { account, holder: { kind: "user", user } }, seconds) };
  },

  GetAccessKeyInfo({ fields }) {
    const id = required(fields, "AccessKeyId");
    if (!/^\w{16,128}$/.test(id)) {
      throw new QueryError(
        400,
        "ValidationError",
        `1 validation error detected: Value '${id}' at 'accessKeyId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w]*`,
      );
    }
    const owner = accountOfKeyId(id);
    if (owner === undefined) throw new QueryError(400, "ValidationError", `Invalid AccessKeyId: ${id}`);
    return { Account: owner };
  },

  // No service here encodes its refusals (EC2's are the ones that AWS means).
  DecodeAuthorizationMessage({ fields }) {
    required(fields, "EncodedMessage");
    throw new QueryError(400, "InvalidAuthorizationMessageException", "Invalid EncodedMessage");
  },
};

const unissued = { keyId: "", secret: "", issued: 0, expires: 0 } as const;

/** Real ones where signatures are checked. Else the account's number is the key id, because that is what selects an account. */
function credentials(call: QueryCall, session: Parameters<QueryCall["sessions"]["issue"]>[0], seconds: number) {
  if (call.caller.principal !== undefined) return { ...call.sessions.issue(session, seconds) };
  return {
    AccessKeyId: session.account,
    SecretAccessKey: randomBytes(30).toString("base64"),
    SessionToken: randomBytes(60).toString("base64"),
    Expiration: new Date(Date.now() + seconds * 1000).toISOString(),
  };
}

interface Assumed {
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly sourceIdentity: string | undefined;
}

/** The role's trust policy must let the caller in, and the caller's own policies must let it go. Throws AccessDenied. */
function checkTrust(call: QueryCall, arn: string, account: string, role: string, assumed: Assumed): void {
  const { caller, registry, fields } = call;
  if (caller.permissions !== undefined && caller.principal?.kind === "root") {
    throw new QueryError(403, "AccessDenied", "Roles may not be assumed by root accounts.");
  }
  const record = registry.roles.get(account, role);
  const statements = record === undefined ? [] : trustStatements(record.assumeRolePolicy);
  const context = {
    "sts:ExternalId": fields.get("ExternalId") ?? undefined,
    "sts:RoleSessionName": assumed.name,
    "sts:SourceIdentity": assumed.sourceIdentity,
    ...Object.fromEntries(Object.entries(assumed.tags).map(([key, value]) => [`aws:RequestTag/${key}`, value])),
  };
  let trust: Evaluation["decision"] = "none";
  const against = reasonAgainst(caller, {
    action: "sts:AssumeRole",
    resource: arn,
    owner: account,
    context,
    policy(asked) {
      const evaluation = evaluate(statements, { ...asked, resource: arn });
      trust = evaluation.decision;
      return evaluation;
    },
  });
  // Unlike other policies of resources, this one has to allow even what the caller's own allow.
  if (against === undefined && (trust as Evaluation["decision"]) === "allow") return;
  const message = `User: ${caller.principal?.arn} is not authorized to perform: sts:AssumeRole on resource: ${arn}`;
  throw new QueryError(403, "AccessDenied", message);
}

function trustStatements(document: string) {
  try {
    return parsePolicy(document, "trust").statements;
  } catch (error) {
    if (error instanceof PolicyError) return [];
    throw error;
  }
}

function checkDuration({ registry, caller }: QueryCall, account: string, role: string, seconds: number): void {
  if (caller.principal?.kind === "role" && seconds > 3600) {
    throw new QueryError(
      400,
      "ValidationError",
      "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
    );
  }
  const longest = registry.roles.get(account, role)?.maxSessionSeconds ?? 43_200;
  if (seconds <= longest) return;
  throw new QueryError(
    400,
    "ValidationError",
    "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
  );
}

/** Session policies of the request, and how much of their quota they take, percent. Throws in STS's words. */
function narrowingOf(fields: URLSearchParams): {
  readonly policies?: readonly string[];
  readonly policyArns?: readonly string[];
  readonly packed?: number;
} {
  const policy = fields.get("Policy");
  const arns: string[] = [];
  for (let index = 1; index <= 11; index += 1) {
    const arn = fields.get(`PolicyArns.member.${index}.arn`);
    if (arn !== null) arns.push(arn);
  }
  if (policy === null && arns.length === 0) return {};
  if (policy !== null) checkDocument(policy, "identity");
  const packed = Math.ceil(((policy?.length ?? 0) / packedLimit) * 100);
  if (packed > 100 || arns.length > 10) {
    throw new QueryError(
      400,
      "PackedPolicyTooLarge",
      `Packed size of session policies consumes ${packed}% of allotted space.`,
    );
  }
  return { policies: policy === null ? [] : [policy], policyArns: arns, packed };
}

/** Of a JSON Web Token; for the message only. */
function issuerOf(token: string): string {
  try {
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as {
      iss?: unknown;
    };
    return typeof claims.iss === "string" ? claims.iss : "the token's issuer";
  } catch {
    throw new QueryError(400, "InvalidIdentityToken", "The web identity token that was passed could not be validated.");
  }
}
