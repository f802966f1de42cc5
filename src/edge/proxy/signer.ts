import type { Caller } from "../caller.ts";
import { one, queryOf, type RequestParts } from "./parts.ts";

/** The access key id that a request says it is signed with, in its header or its query; undefined: it is not signed. */
export function accessKeyOf({ headers, query }: Pick<RequestParts, "headers" | "query">): string | undefined {
  const credential = credentialOf(headers, query);
  return credential?.split("/")[0];
}

/** `AKID/20261122/us-east-1/lambda/aws4_request` */
export function credentialOf(headers: RequestParts["headers"], query: string): string | undefined {
  const header = one(headers, "authorization");
  if (header !== undefined) return /^AWS4-[^ ]+ .*?Credential=([^, ]+)/.exec(header)?.[1];
  if (!query.includes("X-Amz-Credential=")) return undefined;
  return queryOf(query).get("X-Amz-Credential")?.[0];
}

/** What an event says of who signed. */
export function iamOf({ account, principal }: Caller, accessKey: string | undefined): object {
  return {
    accessKey: accessKey ?? "",
    accountId: account,
    callerId: principal?.userId ?? account,
    cognitoIdentity: null,
    principalOrgId: null,
    userArn: principal?.arn ?? `arn:aws:iam::${account}:root`,
    userId: principal?.userId ?? account,
  };
}
