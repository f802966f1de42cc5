import type { NamedDocument } from "./roles.ts";

/** An IAM user. Kept by `registry.named("iam-user")`. */
export interface UserRecord extends NamedDocument {
  readonly path: string;
  /** AIDA… */
  readonly id: string;
  /** ISO 8601 */
  readonly created: string;
  readonly tags: Readonly<Record<string, string>>;
  /** policy documents by name */
  readonly inline: Readonly<Record<string, string>>;
  /** ARNs of managed policies */
  readonly attached: readonly string[];
  /** ARN of the managed policy that bounds what its policies may grant */
  readonly boundary?: string | undefined;
}

/** A group of users. Kept by `registry.named("iam-group")`. */
export interface GroupRecord extends NamedDocument {
  readonly path: string;
  /** AGPA… */
  readonly id: string;
  readonly created: string;
  readonly inline: Readonly<Record<string, string>>;
  readonly attached: readonly string[];
  /** names of users of the same account */
  readonly members: readonly string[];
}

/** A key pair of a user, or of an account's root user. `name` is the key's id. Kept by `registry.named("access-key")`. */
export interface AccessKeyRecord extends NamedDocument {
  /** undefined: the account's root user */
  readonly user?: string | undefined;
  /** base64 of the sealed secret */
  readonly sealedSecret: string;
  readonly status: "Active" | "Inactive";
  readonly created: string;
}

/** What credentials are sealed with where there is no master key. Kept by `registry.named("session-key")`, once. */
export interface SessionKeyRecord extends NamedDocument {
  /** 32 bytes, base64 */
  readonly key: string;
}
