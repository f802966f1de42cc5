import { randomBytes } from "node:crypto";
import { type Action, integer, QueryError, required, requiredName } from "./action.ts";

/** Roles to assume: `arn:aws:iam::123456789012:role/path/name`. */
const roleArn = /^arn:aws[a-zA-Z-]*:iam::(\d{12}):role\/(?:.*\/)?([\w+=,.@-]{1,64})$/;

/**
 * AWS Security Token Service, as far as deployment tools ask for it. Signatures and trust policies are not checked, so a
 * role need not exist to be assumed.
 */
export const stsActions: Readonly<Record<string, Action>> = {
  GetCallerIdentity: ({ account }) => ({
    Arn: `arn:aws:iam::${account}:root`,
    UserId: account,
    Account: account,
  }),

  AssumeRole({ fields }) {
    const arn = required(fields, "RoleArn");
    const session = requiredName(fields, "RoleSessionName", 64);
    const seconds = integer(fields, "DurationSeconds", 900, 43_200, 3600);
    const [, account, role] = roleArn.exec(arn) ?? [];
    if (account === undefined || role === undefined) {
      throw new QueryError(400, "ValidationError", `${arn} is invalid`);
    }
    return {
      Credentials: { ...credentials(account), Expiration: new Date(Date.now() + seconds * 1000).toISOString() },
      AssumedRoleUser: {
        AssumedRoleId: `AROA${hash(role)}:${session}`,
        Arn: `arn:aws:sts::${account}:assumed-role/${role}/${session}`,
      },
    };
  },

  GetSessionToken({ fields, account }) {
    const seconds = integer(fields, "DurationSeconds", 900, 129_600, 43_200);
    return {
      Credentials: { ...credentials(account), Expiration: new Date(Date.now() + seconds * 1000).toISOString() },
    };
  },
};

/** The account's number as the key id, because that is what selects an account here. */
const credentials = (account: string) => ({
  AccessKeyId: account,
  SecretAccessKey: randomBytes(30).toString("base64"),
  SessionToken: randomBytes(60).toString("base64"),
});

/** A stable id of 17 characters for a name. */
function hash(name: string): string {
  return Buffer.from(name).toString("hex").toUpperCase().padEnd(17, "0").slice(0, 17);
}
