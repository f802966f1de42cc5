import { instantOf } from "../../auth/signature.ts";
import { S3Error } from "./errors.ts";

/** A week. Source: S3 API Reference, "Authenticating Requests: Using Query Parameters". */
const longestSeconds = 604_800;

/** A presigned URL's time is looked at even where its signature is not. Throws AccessDenied, AuthorizationQueryParametersError. */
export function checkPresigned(query: URLSearchParams, now: number): void {
  if (query.has("X-Amz-Signature")) {
    const at = instantOf(query.get("X-Amz-Date") ?? "");
    const expires = Number(query.get("X-Amz-Expires"));
    if (at === undefined) {
      throw new S3Error(
        "AuthorizationQueryParametersError",
        "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
      );
    }
    if (!Number.isInteger(expires) || expires < 1 || expires > longestSeconds) {
      throw new S3Error(
        "AuthorizationQueryParametersError",
        "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
      );
    }
    if (now > at + expires * 1000) throw expired(at + expires * 1000, now, { "X-Amz-Expires": expires });
    return;
  }
  // Version 2 of the signature, which boto3 still presigns with unless told otherwise.
  const until = query.get("Expires");
  if (until === null || !query.has("Signature")) return;
  if (now > Number(until) * 1000) throw expired(Number(until) * 1000, now, {});
}

function expired(until: number, now: number, fields: Readonly<Record<string, number>>): S3Error {
  return new S3Error("AccessDenied", "Request has expired", {
    ...fields,
    Expires: new Date(until).toISOString(),
    ServerTime: new Date(now).toISOString(),
  });
}
