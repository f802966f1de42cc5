import type { IncomingMessage } from "node:http";
import { SealBroken, type Sealer } from "../../../keys/index.ts";
import { type Auth, Refusal } from "../../auth/index.ts";
import { signedParts } from "../../auth/signature.ts";
import type { Caller } from "../../caller.ts";

/** What a registry's password stands for. */
interface Claim {
  readonly account: string;
  readonly region: string;
  /** whose it is, where signatures are checked */
  readonly keyId?: string | undefined;
  readonly sessionToken?: string | undefined;
  /** milliseconds since the epoch */
  readonly expires: number;
}

/** Passwords for the registry, and addresses of blobs that need none. Nothing of them is kept. */
export interface Tokens {
  issue(caller: Caller, request: IncomingMessage): { readonly password: string; readonly expires: number };
  /** Who uses a password. Throws Refusal. */
  callerOf(password: string, request: IncomingMessage): Caller;
  /** Lets whoever has it read one blob of one repository, for an hour. */
  forBlob(blob: string): string;
  opensBlob(token: string, blob: string): boolean;
}

/** Source: ECR API Reference, "GetAuthorizationToken". */
const validMs = 12 * 3600_000;
/** Source: ECR API Reference, "GetDownloadUrlForLayer". */
const downloadMs = 3600_000;
const longest = 16_384;

export function createTokens(sealer: Sealer, auth: Auth | undefined, clock: () => number): Tokens {
  const seal = (document: object, purpose: string) =>
    sealer.seal(Buffer.from(JSON.stringify(document)), purpose).toString("base64url");
  function open<T>(token: string, purpose: string): T | undefined {
    if (token.length > longest) return undefined;
    try {
      return JSON.parse(sealer.open(Buffer.from(token, "base64url"), purpose).toString("utf8")) as T;
    } catch (error) {
      if (error instanceof SealBroken) return undefined;
      throw error;
    }
  }

  return {
    issue({ account, region }, request) {
      const expires = clock() + validMs;
      const parts = auth === undefined ? undefined : signedParts(request.headers, undefined);
      const claim: Claim = { account, region, keyId: parts?.keyId, sessionToken: parts?.sessionToken, expires };
      return { password: seal(claim, "ecr password"), expires };
    },
    callerOf(password, request) {
      const claim = open<Claim>(password, "ecr password");
      if (claim === undefined) throw new Refusal("unknown-key", "The authorization token is not valid.");
      if (claim.expires <= clock()) {
        throw new Refusal("expired-session", "Your authorization token has expired. Reauthenticate and try again.");
      }
      const { account, region, keyId = "", sessionToken } = claim;
      if (auth === undefined) return { account, region, service: "ecr" };
      return auth.callerWithKey({ keyId, sessionToken, region, service: "ecr" }, request);
    },
    forBlob: (blob) => seal({ blob, expires: clock() + downloadMs }, "ecr blob"),
    opensBlob(token, blob) {
      const opened = open<{ blob: string; expires: number }>(token, "ecr blob");
      return opened?.blob === blob && opened.expires > clock();
    },
  };
}
