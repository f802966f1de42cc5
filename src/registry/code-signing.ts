import type { NamedDocument } from "./roles.ts";

/** A code signing configuration. `name`: `region/csc-…`. */
export interface CodeSigningRecord extends NamedDocument {
  readonly region: string;
  /** `csc-` and 17 hexadecimal digits */
  readonly id: string;
  readonly description: string;
  /** ARNs of the signing profile versions whose signatures are accepted */
  readonly publishers: readonly string[];
  /** what becomes of code that none of them has signed */
  readonly untrusted: "Warn" | "Enforce";
  /** as Lambda writes it */
  readonly lastModified: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** Which configuration a function has. */
export interface FunctionCodeSigningRecord {
  readonly configArn: string;
}

export const codeSigningArn = ({ account, region, id }: Pick<CodeSigningRecord, "account" | "region" | "id">): string =>
  `arn:aws:lambda:${region}:${account}:code-signing-config:${id}`;
