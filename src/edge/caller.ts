/** Who sent a request and to which service, as its SigV4 credential says. Signatures are not checked. */
export interface Caller {
  /** 12 digits */
  readonly account: string;
  readonly region: string;
  /** `lambda`, `sts`, `iam` …; empty when the request is not signed */
  readonly service: string;
}

const anonymous: Caller = Object.freeze({ account: "000000000000", region: "us-east-1", service: "" });
const credentialMark = "Credential=";

/**
 * Reads `Credential=<key>/<date>/<region>/<service>/aws4_request` of an Authorization header. An access key id of twelve
 * digits selects the account, any other stands for 000000000000. No regular expression: this runs for every invocation.
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
