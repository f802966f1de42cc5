/** A repository. Times are milliseconds since the epoch. */
export interface RepositoryRecord {
  readonly account: string;
  /** region and repository, with a colon between */
  readonly name: string;
  readonly region: string;
  readonly repository: string;
  readonly created: number;
  /** host and port by which the registry was called when it was made */
  readonly host: string;
  readonly mutability: "MUTABLE" | "IMMUTABLE" | "MUTABLE_WITH_EXCLUSION" | "IMMUTABLE_WITH_EXCLUSION";
  /** patterns of tags that the mutability is not for; `*` stands for any text */
  readonly exclusions: readonly string[];
  /** stored and shown; nothing is scanned */
  readonly scanOnPush: boolean;
  /** stored and shown */
  readonly encryption: Readonly<Record<string, unknown>>;
  /** who else may: a policy document */
  readonly policy?: string | undefined;
  /** stored and shown; nothing expires by it */
  readonly lifecyclePolicy?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

/** An image or an index of images: a manifest under its digest. */
export interface ImageRecord {
  readonly account: string;
  /** `REGION:REPOSITORY@DIGEST` */
  readonly name: string;
  readonly region: string;
  readonly repository: string;
  readonly digest: string;
  readonly mediaType: string;
  readonly artifactType?: string | undefined;
  /** of config and layers, bytes */
  readonly size: number;
  readonly pushed: number;
  readonly tags: readonly string[];
  /** digests of config and layers */
  readonly blobs: readonly string[];
  /** digests of the images of an index */
  readonly images: readonly string[];
}

/** A blob that a repository has; its content is shared with others. */
export interface BlobRecord {
  readonly account: string;
  /** `REGION:REPOSITORY@DIGEST` */
  readonly name: string;
  readonly region: string;
  readonly repository: string;
  readonly digest: string;
  /** bytes */
  readonly size: number;
  readonly stored: number;
}
