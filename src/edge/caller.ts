import type { Context } from "../policy/index.ts";
import type { SignedPayload } from "./auth/payload.ts";
import type { Act, Verdict } from "./auth/permissions.ts";
import type { Principal } from "./auth/principal.ts";

/** Who sent a request and to which service. */
export interface Caller {
  /** 12 digits */
  readonly account: string;
  readonly region: string;
  /** `lambda`, `sts`, `iam` …; empty when the request is not signed */
  readonly service: string;
  /** as the signature proves. Undefined: signatures are not checked, and the caller counts as its account's root user */
  readonly principal?: Principal | undefined;
  /** its own policies. Undefined: permissions are not checked */
  readonly permissions?: { judge(act: Act): Verdict } | undefined;
  /** condition keys: what is known of the principal and the connection */
  readonly context?: Context | undefined;
  /** signatures are checked, and the request has none: only what is open to everybody may answer it */
  readonly anonymous?: boolean | undefined;
  /** the body that the signature is for, where it has yet to be compared: S3's, which may be large */
  readonly payload?: SignedPayload | undefined;
}

const anonymous: Caller = Object.freeze({ account: "000000000000", region: "us-east-1", service: "" });
const credentialMark = "Credential=";

/**
 * Reads `Credential=<key>/<date>/<region>/<service>/aws4_request` of an Authorization header. An access key id of twelve
 * digits selects the account, any other stands for 000000000000. Signatures are not looked at. No regular expression: this
 * runs for every invocation.
 */
export function callerOf(authorization: string | undefined): Caller {
  if (authorization === undefined) return anonymous;
  const start = authorization.indexOf(credentialMark);
  if (start === -1) return anonymous;
  const key = start + credentialMark.length;
  const date = authorization.indexOf("/", key);
  const region = authorization.indexOf("/", date + 1);
  const service = authorization.indexOf("/", region + 1);
  const end = authorization.indexOf("/", service + 1);
  if (date === -1 || region === -1 || service === -1 || end === -1) return anonymous;
  const account = authorization.slice(key, date);
  return {
    account: isAccount(account) ? account : anonymous.account,
    region: authorization.slice(region + 1, service) || anonymous.region,
    service: authorization.slice(service + 1, end),
  };
}

/** Twelve digits. */
export function isAccount(text: string): boolean {
  if (text.length !== 12) return false;
  for (let index = 0; index < 12; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 48 || code > 57) return false;
  }
  return true;
}
