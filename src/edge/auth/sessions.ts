import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { Registry, SessionKeyRecord } from "../../registry/index.ts";
import { newKeyId, newSecret } from "./key-ids.ts";

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

const cipher = "aes-256-gcm";
/** Opened tokens that are kept: each request of a session brings its token along. */
const keptTokens = 1000;
/** Longer ones cannot be ours: a session policy has 2,048 characters, and there are ten policies and fifty tags at most. */
const longestToken = 65_536;

/** `clock`: milliseconds since the epoch. */
export function createSessions(registry: Pick<Registry, "named">, clock: () => number = Date.now): Sessions {
  const opened = new Map<string, Session>();
  let known: Buffer | undefined;

  /** Made when the first session is. */
  function sealingKey(): Buffer {
    if (known !== undefined) return known;
    const records = registry.named<SessionKeyRecord>("session-key");
    let record = records.get("", "sessions");
    if (record === undefined) {
      record = { account: "", name: "sessions", key: randomBytes(32).toString("base64") };
      records.put(record);
    }
    known = Buffer.from(record.key, "base64");
    return known;
  }

  function seal(session: Session): string {
    const nonce = randomBytes(12);
    const box = createCipheriv(cipher, sealingKey(), nonce);
    const sealed = Buffer.concat([box.update(JSON.stringify(session)), box.final()]);
    return Buffer.concat([nonce, box.getAuthTag(), sealed]).toString("base64");
  }

  function unseal(token: string): Session | undefined {
    const bytes = Buffer.from(token, "base64");
    if (bytes.length < 29) return undefined;
    try {
      const box = createDecipheriv(cipher, sealingKey(), bytes.subarray(0, 12));
      box.setAuthTag(bytes.subarray(12, 28));
      const text = Buffer.concat([box.update(bytes.subarray(28)), box.final()]).toString("utf8");
      return JSON.parse(text) as Session;
    } catch {
      return undefined;
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
