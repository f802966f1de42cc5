/** What a key is for (KMS: KeyUsage). */
export type KeyUsage = "ENCRYPT_DECRYPT" | "SIGN_VERIFY" | "GENERATE_VERIFY_MAC";

/** One generation of a key's secret; a rotation adds one, and the old ones still open what they closed. */
export interface KeyMaterial {
  /** of the generation, a UUID: stands in every ciphertext */
  readonly id: string;
  /** base64: sealed with the master key. Symmetric and HMAC keys: their bytes; pairs: the private key, PKCS #8 in DER */
  readonly sealed: string;
  /** milliseconds since the epoch */
  readonly created: number;
  readonly rotation?: "AUTOMATIC" | "ON_DEMAND";
}

/** A KMS key. */
export interface KeyRecord {
  readonly account: string;
  /** `{region}/{id}` */
  readonly name: string;
  readonly region: string;
  readonly id: string;
  readonly description: string;
  readonly usage: KeyUsage;
  /** SYMMETRIC_DEFAULT, RSA_2048, ECC_NIST_P256, HMAC_256 … */
  readonly spec: string;
  /** AWS: made by the platform for a service, under `alias/aws/{service}` */
  readonly manager: "CUSTOMER" | "AWS";
  readonly enabled: boolean;
  /** milliseconds since the epoch, like all times here */
  readonly created: number;
  /** when its materials are to be destroyed; undefined: never */
  readonly deletion?: number | undefined;
  readonly deletionDays?: number | undefined;
  readonly policy: string;
  /** undefined: it does not rotate by itself */
  readonly rotation?: { readonly days: number; readonly next: number } | undefined;
  /** the newest last */
  readonly materials: readonly KeyMaterial[];
  /** base64 of SubjectPublicKeyInfo in DER, of pairs */
  readonly publicKey?: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface KeyAliasRecord {
  readonly account: string;
  /** `{region}/alias/…` */
  readonly name: string;
  readonly region: string;
  readonly keyId: string;
  readonly created: number;
  readonly updated: number;
}

/** As much of a store of documents by account and name as keys need. */
export interface KeyDocuments<T> {
  get(account: string, name: string): T | undefined;
  put(record: T): void;
  remove(account: string, name: string): void;
  list(account: string): readonly T[];
  everything(): Iterable<T>;
}

/** Whose keys, and where. */
export interface KeyScope {
  readonly account: string;
  readonly region: string;
}

export const keyArn = ({ account, region, id }: Pick<KeyRecord, "account" | "region" | "id">): string =>
  `arn:aws:kms:${region}:${account}:key/${id}`;

export const aliasArn = ({ account, region }: KeyScope, alias: string): string =>
  `arn:aws:kms:${region}:${account}:${alias}`;

/** A refusal in KMS's words. */
export class KeyRefusal extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = code;
    this.code = code;
  }
}
