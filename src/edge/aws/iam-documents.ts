import { PolicyError, type PolicyKind, parsePolicy } from "../../policy/index.ts";
import { QueryError, required } from "./action.ts";

/** A policy document, as it stands in the request, read and found to be one. Throws MalformedPolicyDocument in IAM's words. */
export function documentField(fields: URLSearchParams, name: string, kind: PolicyKind): string {
  const text = required(fields, name);
  checkDocument(text, kind);
  return text;
}

export function checkDocument(text: string, kind: PolicyKind): void {
  try {
    JSON.parse(text);
  } catch {
    throw malformed("This policy contains invalid Json");
  }
  try {
    parsePolicy(text, kind);
  } catch (error) {
    if (error instanceof PolicyError) throw malformed(error.message);
    throw error;
  }
}

/** Characters of a document as quotas count them: spaces between tokens do not. Source: IAM User Guide, "IAM and AWS STS quotas". */
export const measured = (document: string): number => JSON.stringify(JSON.parse(document)).length;

const malformed = (message: string) => new QueryError(400, "MalformedPolicyDocument", message);
