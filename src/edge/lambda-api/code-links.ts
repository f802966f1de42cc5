import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { type CodeRef, ServiceError } from "../../model/index.ts";

/** Path under which zips are downloaded. */
export const codePrefix = "/_thaw/code/";

/** Links to zips: GetFunction's Code.Location. Like Lambda's they are signed, and good for ten minutes. */
export interface CodeLinks {
  /** `origin`: `http://127.0.0.1:4566`, as the client reached us */
  link(origin: string, code: CodeRef): string;
  /** The zip that a link stands for. Throws AccessDeniedException for one that is forged or old. */
  open(path: string, query: URLSearchParams): CodeRef;
}

const lifetimeMs = 600_000;

/** Links do not outlive the process: its secret is drawn anew. */
export function createCodeLinks(now: () => number = Date.now): CodeLinks {
  const secret = randomBytes(32);
  const sign = (digest: string, size: string, expires: string): Buffer =>
    createHmac("sha256", secret).update(`${digest}/${size}/${expires}`).digest();

  return {
    link(origin, { digest, size }) {
      const expires = String(now() + lifetimeMs);
      const signature = sign(digest, String(size), expires).toString("hex");
      return `${origin}${codePrefix}${digest}?size=${size}&expires=${expires}&signature=${signature}`;
    },
    open(path, query) {
      const digest = path.slice(codePrefix.length);
      const size = query.get("size") ?? "";
      const expires = query.get("expires") ?? "";
      const given = Buffer.from(query.get("signature") ?? "", "hex");
      const expected = sign(digest, size, expires);
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
        throw new ServiceError(
          "AccessDeniedException",
          "The link to the code is not valid. Ask GetFunction for a new one.",
        );
      }
      if (Number(expires) < now()) {
        throw new ServiceError(
          "AccessDeniedException",
          "The link to the code has expired. Ask GetFunction for a new one.",
        );
      }
      return { digest, size: Number(size) };
    },
  };
}
