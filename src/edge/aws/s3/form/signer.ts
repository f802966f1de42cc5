import { type Auth, Refusal } from "../../../auth/index.ts";
import { type Caller, callerOf } from "../../../caller.ts";
import type { Exchange } from "../../service.ts";
import { invalidArgument, S3Error } from "../errors.ts";

/** Whose form it is: who signed its policy, or nobody in particular. Throws Refusal, InvalidArgument, InvalidRequest. */
export function signerOf(
  auth: Auth | undefined,
  form: ReadonlyMap<string, string>,
  { caller, request }: Pick<Exchange, "caller" | "request">,
): Caller {
  const credential = form.get("x-amz-credential");
  const signature = form.get("x-amz-signature");
  if (auth === undefined)
    return credential === undefined ? caller : { ...caller, ...callerOf(`Credential=${credential}`) };
  if (form.has("awsaccesskeyid") || form.has("signature")) {
    throw new S3Error(
      "InvalidRequest",
      "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    );
  }
  if (credential === undefined && signature === undefined) return caller;
  const policy = form.get("policy");
  if (policy === undefined) throw invalidArgument("Bucket POST must contain a field named 'policy'.", "policy", "");
  const [keyId = "", day = "", region = "", service = "", end] = (credential ?? "").split("/");
  const algorithm = form.get("x-amz-algorithm");
  if (algorithm !== "AWS4-HMAC-SHA256" || service !== "s3" || end !== "aws4_request" || signature === undefined) {
    throw new Refusal("incomplete", "A form's policy is signed with AWS4-HMAC-SHA256, for s3.");
  }
  const sessionToken = form.get("x-amz-security-token");
  return auth.signerOf({ keyId, sessionToken, day, region, service, signature, text: policy }, request);
}
