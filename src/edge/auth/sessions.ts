import { SealBroken, type Sealer } from "../../keys/index.ts";
import { newKeyId, newSecret } from "./key-ids.ts";
import { type SecretsNeeds, sealerOf } from "./secrets.ts";

/** What temporary credentials stand for. */
export interface Session {
  readonly keyId: string;
  readonly secret: string;
  readonly account: string;
  readonly holder:
    | { readonly kind: "role"; readonly role: string; readonly name: string }
    | { readonly kind: "user"; readonly user: string | undefined };
  /** documents that narrow what its holder may; all of them must allow */
  readonly policies?: readonly string[] | undefined;
  /** ARNs of managed policies that do the same */
  readonly policyArns?: readonly string[] | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly sourceIdentity?: string | undefined;
  /** milliseconds since the epoch */
  readonly issued: number;
  readonly expires: number;
}

/** What a client is given. */
export interface Credentials {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly SessionToken: string;
  /** ISO 8601 */
  readonly Expiration: string;
}

/** Temporary credentials. Nothing of them is kept: a session is its token, sealed with a key that never leaves the platform. */
export interface Sessions {
  issue(session: Omit<Session, "keyId" | "secret" | "issued" | "expires">, seconds: number): Credentials;
  /** Undefined: the token is none of ours. One that is over is opened all the same. */
  open(token: string): Session | undefined;
}

/** What a token is sealed for: nothing else that was sealed with the same key opens as one. */
const purpose = "session token";
/** Opened tokens that are kept: each request of a session brings its token along. */
const keptTokens = 1000;
/** Longer ones cannot be ours: a session policy has 2,048 characters, and there are ten policies and fifty tags at most. */
const longestToken = 65_536;

/** `clock`: milliseconds since the epoch. */
export function createSessions(needs: SecretsNeeds, clock: () => number = Date.now): Sessions {
  const opened = new Map<string, Session>();
  let sealer: Sealer | undefined;

  function seal(session: Session): string {
    sealer ??= sealerOf(needs);
    return sealer.seal(Buffer.from(JSON.stringify(session)), purpose).toString("base64");
  }

  function unseal(token: string): Session | undefined {
    sealer ??= sealerOf(needs);
    try {
      return JSON.parse(sealer.open(Buffer.from(token, "base64"), purpose).toString("utf8")) as Session;
    } catch (error) {
      if (error instanceof SealBroken) return undefined;
      throw error;
    }
  }

  return {
    issue(about, seconds) {
      const issued = clock();
      const expires = issued + seconds * 1000;
      const session: Session = {
        ...about,
        keyId: newKeyId("ASIA", about.account),
        secret: newSecret(),
        issued,
        expires,
      };
      return {
        AccessKeyId: session.keyId,
        SecretAccessKey: session.secret,
        SessionToken: seal(session),
        Expiration: new Date(expires).toISOString(),
      };
    },
    open(token) {
      const kept = opened.get(token);
      if (kept !== undefined) return kept;
      if (token.length > longestToken) return undefined;
      const session = unseal(token);
      if (session === undefined) return undefined;
      if (opened.size >= keptTokens) opened.delete(opened.keys().next().value!);
      opened.set(token, session);
      return session;
    },
  };
}
