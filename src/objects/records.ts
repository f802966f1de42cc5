import type { Algorithm, Checksum, ChecksumType } from "./checksums.ts";

/** A bucket. Names are one space for all accounts, as AWS has it. */
export interface BucketRecord {
  readonly name: string;
  /** 12 digits */
  readonly account: string;
  readonly region: string;
  /** milliseconds since the epoch, as all times here */
  readonly created: number;
  readonly versioning?: "Enabled" | "Suspended" | undefined;
  /** configurations as S3's XML or JSON has them, by their kind (`encryption`, `policy`, `cors` …) */
  readonly configurations: Readonly<Record<string, unknown>>;
}

/** Content on disk: a file of ours and how many bytes it has. */
export interface Segment {
  readonly file: string;
  readonly size: number;
}

/** What a client says about an object and gets back with it. */
export interface Description {
  /** `content-type`, `cache-control` … in lower case */
  readonly headers: Readonly<Record<string, string>>;
  /** names in lower case, without `x-amz-meta-` */
  readonly metadata: Readonly<Record<string, string>>;
  readonly storageClass: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly encryption?: Readonly<Record<string, string>> | undefined;
  readonly redirect?: string | undefined;
}

/** One version of an object, or a delete marker. */
export interface ObjectRecord extends Description {
  readonly bucket: string;
  readonly key: string;
  /** `null` for those of times without versioning */
  readonly version: string;
  readonly marker: boolean;
  readonly modified: number;
  readonly size: number;
  /** without quotes; `-N` behind it for an upload in N parts */
  readonly etag: string;
  readonly checksum?: Checksum | undefined;
  readonly segments: readonly Segment[];
  /** of an upload in parts, in order */
  readonly parts?: readonly ObjectPart[] | undefined;
  /** 12 digits: who wrote it */
  readonly owner: string;
}

export interface ObjectPart {
  readonly number: number;
  readonly size: number;
  readonly checksum?: string | undefined;
}

/** A version beside whether it is the one that is shown. */
export interface Version {
  readonly record: ObjectRecord;
  readonly latest: boolean;
}

/** An upload in parts that is not complete. */
export interface UploadRecord extends Description {
  readonly id: string;
  readonly bucket: string;
  readonly key: string;
  readonly initiated: number;
  readonly owner: string;
  /** what its parts are summed with; undefined: it was not asked */
  readonly algorithm?: Algorithm | undefined;
  readonly checksumType?: ChecksumType | undefined;
}

export interface PartRecord {
  readonly upload: string;
  readonly number: number;
  readonly size: number;
  readonly etag: string;
  readonly modified: number;
  readonly checksum?: Checksum | undefined;
  readonly segments: readonly Segment[];
}
