import { createHmac } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Sealer } from "../../keys/index.ts";
import { ServiceError } from "../../model/index.ts";
import type { Context } from "../../policy/index.ts";
import type { Registry, UserRecord } from "../../registry/index.ts";
import { holdBody, readBody } from "../body.ts";
import type { Caller } from "../caller.ts";
import { canonicalInput, canonicalRequest, emptyDigest } from "./canonical.ts";
import { createKeyring } from "./keyring.ts";
import { chunkedForms, type SignedPayload, sha256, unsignedPayload } from "./payload.ts";
import { judge } from "./permissions.ts";
import { type Principal, rootPrincipal, sessionPrincipal, userPrincipal } from "./principal.ts";
import { Refusal } from "./refusal.ts";
import { createReplays } from "./replays.ts";
import { createSessions } from "./sessions.ts";
import { basicDate, type SignedParts, signedParts } from "./signature.ts";
import { createSigningKeys, isSame, signatureOf } from "./signing-key.ts";

/** `off`: nothing is checked; `known-keys`: signatures are; `iam`: permissions are, too. */
export type AuthMode = "off" | "known-keys" | "iam";

export interface AuthNeeds {
  readonly mode: Exclude<AuthMode, "off">;
  readonly registry: Pick<Registry, "roles" | "policies" | "named">;
  readonly sealer?: Sealer | undefined;
  /** milliseconds since the epoch */
  readonly clock?: () => number;
}

/** The one place that decides who asks. */
export interface Auth {
  readonly mode: AuthNeeds["mode"];
  /**
   * Resolves with who sent the request, once its signature is proved and its body has been read and compared; readBody() gives
   * it out afterwards. Only S3's body is left to who reads it (Caller.payload). Rejects with Refusal, before reading anything
   * where that is possible.
   */
  authenticate(request: IncomingMessage): Promise<Caller>;
  /** Who holds a key that something of the platform's own stands for: whoever sends it has proved that before. Throws Refusal. */
  callerWithKey(key: HeldKey, request: IncomingMessage): Caller;
  /** Who signed a text that a request brings along, as browsers' forms bring their policy. Throws Refusal. */
  signerOf(signed: SignedText, request: IncomingMessage): Caller;
}

export type SignedText = Pick<SignedParts, "keyId" | "sessionToken" | "day" | "region" | "service" | "signature"> & {
  readonly text: string;
};

export type HeldKey = Pick<SignedParts, "keyId" | "sessionToken" | "region" | "service">;

/** How far clocks may differ. S3's is the longer one: S3 API Reference, "RequestTimeTooSkewed". */
const skewMs = 5 * 60_000;
const skewOfS3Ms = 15 * 60_000;
/** Bytes of the largest request: a function's zip, in base64. */
const largestBody = 70_167_211;
/** Headers of AWS's that some signers leave out, and that change nothing. */
const mayBeUnsigned: ReadonlySet<string> = new Set(["x-amz-content-sha256", "x-amz-user-agent"]);

const wrongSignature =
  "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";
const unknownKey = "The security token included in the request is invalid.";

export function createAuth(needs: AuthNeeds): Auth {
  const { mode, registry, clock = Date.now } = needs;
  const keyring = createKeyring(needs);
  const sessions = createSessions(needs, clock);
  const signingKeys = createSigningKeys();
  const replays = createReplays(2 * skewMs, clock);
  const users = registry.named<UserRecord>("iam-user");

  /** Whose key it is, and its secret. Throws Refusal. */
  function holderOf({ keyId, sessionToken }: Pick<SignedParts, "keyId" | "sessionToken">): {
    principal: Principal;
    secret: () => string;
  } {
    if (keyId.startsWith("ASIA")) {
      const session = sessionToken === undefined ? undefined : sessions.open(sessionToken);
      const principal = session?.keyId === keyId ? sessionPrincipal(registry, session) : undefined;
      if (session === undefined || principal === undefined) throw new Refusal("unknown-key", unknownKey);
      if (session.expires <= clock()) {
        throw new Refusal("expired-session", "The security token included in the request is expired");
      }
      return { principal, secret: () => session.secret };
    }
    const key = keyring.find(keyId);
    // A token beside a key that needs none was put there by somebody else than the key's owner.
    if (key === undefined || key.status !== "Active" || sessionToken !== undefined) {
      throw new Refusal("unknown-key", unknownKey);
    }
    const secret = () => keyring.secretOf(key);
    if (key.user === undefined) return { principal: rootPrincipal(key.account), secret };
    const user = users.get(key.account, key.user);
    if (user === undefined) throw new Refusal("unknown-key", unknownKey);
    return { principal: userPrincipal(user), secret };
  }

  async function authenticate(request: IncomingMessage): Promise<Caller> {
    const target = request.url ?? "/";
    const mark = target.indexOf("?");
    const query = mark === -1 ? undefined : new URLSearchParams(target.slice(mark + 1));
    const parts = hasPassword(request) ? undefined : signedParts(request.headers, query);
    if (parts === undefined) return unsigned;
    const { principal, secret } = holderOf(parts);
    checkTime(parts, clock());
    checkHeaders(request, parts);
    const isS3 = parts.service === "s3";
    const payload = isS3 ? declaredPayload(request, parts) : await readPayload(request);
    const key = signingKeys.keyFor(secret, parts);
    const { signedHeaders, date, scope, signature } = parts;
    const canonical = canonicalRequest(canonicalInput(request, { signedHeaders, payload, isS3 }));
    if (!isSame(signatureOf(key, date, scope, canonical), signature)) throw new Refusal("mismatch", wrongSignature);
    checkReplay(request, parts);
    return {
      ...callerOf(principal, parts, request),
      payload: isS3 ? signedPayload(payload, parts, key) : undefined,
    };
  }

  function callerOf(
    principal: Principal,
    { region, service }: Pick<SignedParts, "region" | "service">,
    request: IncomingMessage,
  ): Caller {
    return {
      account: principal.account,
      region,
      service,
      principal,
      permissions: mode === "iam" ? { judge: (act) => judge(registry, principal, act) } : undefined,
      context: connectionContext(request, principal),
    };
  }

  /** Presigned URLs are made to be used more than once, and reading twice does no harm. */
  function checkReplay({ method, headers }: IncomingMessage, { form, signature, date }: SignedParts): void {
    if (form === "query" || method === "GET" || method === "HEAD") return;
    // SDKs number the tries of a call, and sign the number.
    const unique = headers["amz-sdk-invocation-id"] !== undefined && headers["amz-sdk-request"] !== undefined;
    if (!replays.isReplay(signature, unique)) return;
    throw new Refusal("replayed", `Signature already used: this request, signed at ${date}, was received before.`);
  }

  return {
    mode,
    authenticate,
    signerOf(signed, request) {
      const { principal, secret } = holderOf(signed);
      const expected = createHmac("sha256", signingKeys.keyFor(secret, signed)).update(signed.text).digest("hex");
      if (!isSame(expected, signed.signature)) throw new Refusal("mismatch", wrongSignature);
      return callerOf(principal, signed, request);
    },
    callerWithKey: (key, request) => callerOf(holderOf(key).principal, key, request),
  };
}

/** Clients of the registry of images (`/v2/`) send passwords, which it looks at itself. */
function hasPassword({ url = "", headers }: IncomingMessage): boolean {
  return url.startsWith("/v2/") && /^basic /i.test(headers.authorization ?? "");
}

/** Of a request without a signature, where signatures are checked. */
export const unsigned: Caller = Object.freeze({
  account: "000000000000",
  region: "us-east-1",
  service: "",
  anonymous: true,
});

function checkTime({ form, date, at, expires, service }: SignedParts, now: number): void {
  const isS3 = service === "s3";
  const skew = isS3 ? skewOfS3Ms : skewMs;
  const minutes = skew / 60_000;
  const until = form === "query" && expires !== undefined ? at + expires * 1000 : at + skew;
  if (now > until) {
    if (form === "query" && isS3) throw new Refusal("expired-url", "Request has expired");
    const earliest = form === "query" && expires !== undefined ? basicDate(now) : basicDate(now - skew);
    const how = form === "query" && expires !== undefined ? "" : ` (${basicDate(now)} - ${minutes} min.)`;
    const expired = form === "query" && expires !== undefined ? basicDate(until) : date;
    throw new Refusal("skewed", `Signature expired: ${expired} is now earlier than ${earliest}${how}`);
  }
  if (at > now + skew) {
    const latest = `${basicDate(now + skew)} (${basicDate(now)} + ${minutes} min.)`;
    throw new Refusal("skewed", `Signature not yet current: ${date} is still later than ${latest}`);
  }
}

/** A header that means something and is not signed can be changed by anybody on the way. */
function checkHeaders({ headers }: IncomingMessage, { signedHeaders }: SignedParts): void {
  const missing = signedHeaders.filter((name) => headers[name] === undefined);
  const open = Object.keys(headers).filter(
    (name) => name.startsWith("x-amz-") && !mayBeUnsigned.has(name) && !signedHeaders.includes(name),
  );
  if (missing.length === 0 && open.length === 0) return;
  throw new Refusal(
    "mismatch",
    missing.length > 0
      ? wrongSignature
      : `There were headers present in the request which were not signed: ${open.join(", ")}`,
  );
}

/** Reads the body, which readBody() gives out again, and resolves with its digest. */
async function readPayload(request: IncomingMessage): Promise<string> {
  const { headers } = request;
  if (headers["transfer-encoding"] === undefined && (headers["content-length"] ?? "0") === "0") return emptyDigest;
  const body = await readBody(
    request,
    largestBody,
    () => new ServiceError("RequestEntityTooLargeException", `Request must be smaller than ${largestBody} bytes`),
  );
  holdBody(request, body);
  return sha256(body);
}

/** S3's requests say in a header what their body is signed as. */
function declaredPayload({ headers }: IncomingMessage, { form }: SignedParts): string {
  const declared = headers["x-amz-content-sha256"];
  const wrapped = /\baws-chunked\b/i.test(headers["content-encoding"] ?? "");
  // The digest is of the body as it came; who could take it for chunks would compare it with nothing.
  if (wrapped && !String(declared).startsWith("STREAMING-")) {
    throw new Refusal("tampered-body", "aws-chunked bodies are signed as STREAMING-…");
  }
  if (typeof declared === "string") return declared;
  if (form === "query") return unsignedPayload;
  throw new Refusal("incomplete", "Missing required header for this request: x-amz-content-sha256");
}

function signedPayload(declared: string, { date, scope, signature }: SignedParts, key: Buffer): SignedPayload {
  const chunks = (trailer: boolean): SignedPayload => ({ kind: "chunks", key, date, scope, seed: signature, trailer });
  if (declared === unsignedPayload) return { kind: "unsigned" };
  if (declared === chunkedForms.unsignedTrailer) return { kind: "unsigned-chunks" };
  if (declared === chunkedForms.signed) return chunks(false);
  if (declared === chunkedForms.signedTrailer) return chunks(true);
  if (/^[0-9a-f]{64}$/i.test(declared)) return { kind: "digest", sha256: declared.toLowerCase() };
  throw new Refusal(
    "incomplete",
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, or a valid sha256 value.",
  );
}

/** Condition keys. Source: IAM User Guide, "AWS global condition context keys". */
function connectionContext({ socket, headers }: IncomingMessage, principal: Principal): Context {
  const { session, kind, userId, name, account } = principal;
  const role = kind === "role";
  const tags = Object.entries(session?.tags ?? {}).map(([key, value]) => [`aws:PrincipalTag/${key}`, value]);
  return {
    "aws:PrincipalArn": role ? principal.identity.arns[1] : principal.arn,
    "aws:PrincipalType": role ? "AssumedRole" : kind === "user" ? "User" : "Account",
    "aws:userid": userId,
    "aws:username": kind === "user" ? name : undefined,
    "aws:PrincipalAccount": account,
    // Functions come through the platform's Unix socket, and have no address.
    "aws:SourceIp": socket.remoteAddress?.replace(/^::ffff:/, ""),
    "aws:SecureTransport": String(isUnheard(socket)),
    "aws:UserAgent": headers["user-agent"],
    "aws:Referer": headers.referer,
    ...(session === undefined
      ? {}
      : { "aws:TokenIssueTime": new Date(session.issued).toISOString(), "aws:MultiFactorAuthPresent": "false" }),
    "aws:SourceIdentity": session?.sourceIdentity,
    ...Object.fromEntries(tags),
  };
}

/** Can nobody on the way listen? Either the connection is encrypted, or it does not leave this machine. */
function isUnheard(socket: IncomingMessage["socket"]): boolean {
  const address = socket.remoteAddress?.replace(/^::ffff:/, "");
  return "encrypted" in socket || address === undefined || address === "::1" || address.startsWith("127.");
}
