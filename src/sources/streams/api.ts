import type { Shard } from "./lineage.ts";
import type { ReadRecord } from "./records.ts";

/** Where reading of a shard begins. */
export type Position =
  | { readonly type: "TRIM_HORIZON" | "LATEST" }
  /** milliseconds since the epoch */
  | { readonly type: "AT_TIMESTAMP"; readonly at: number }
  | { readonly type: "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER"; readonly sequence: string };

export interface Listing {
  /** changes when a stream is deleted and another one made by its name: then nothing that was known holds */
  readonly identity: string;
  readonly shards: readonly Shard[];
}

/** Takes what is read of a shard. */
export interface Sink {
  /**
   * Resolves when more is wanted. `behindMs`: how far the reader is behind the newest record when it has these; 0: nothing
   * that arrived before the request is missing.
   */
  take(records: readonly ReadRecord[], behindMs: number | undefined): Promise<void>;
}

/** A stream of shards: Kinesis or DynamoDB Streams. Rejections of the service are errors with its `code`. */
export interface StreamApi {
  list(signal: AbortSignal): Promise<Listing>;
  /** Hands over the records of a shard; resolves when it has ended, rejects when reading must begin anew. */
  read(shard: string, position: Position, sink: Sink, signal: AbortSignal): Promise<void>;
  /** can a shard be read from a moment on? */
  readonly takesTimestamps: boolean;
}

/** What a failure of a service means for who reads from it. */
export type Trouble = "expired" | "trimmed" | "gone" | "throttled" | "refused" | "unreachable";

const troubles: Readonly<Record<string, Trouble>> = {
  ExpiredIteratorException: "expired",
  // A sequence number of before the oldest record, or of another stream of this name.
  TrimmedDataAccessException: "trimmed",
  InvalidArgumentException: "trimmed",
  ResourceNotFoundException: "gone",
  ProvisionedThroughputExceededException: "throttled",
  KMSThrottlingException: "throttled",
  LimitExceededException: "throttled",
  ThrottlingException: "throttled",
  AccessDeniedException: "refused",
  UnrecognizedClientException: "refused",
  InvalidSignatureException: "refused",
  ExpiredTokenException: "refused",
  KMSAccessDeniedException: "refused",
  KMSDisabledException: "refused",
  KMSNotFoundException: "refused",
  KMSInvalidStateException: "refused",
  ValidationException: "refused",
};

export function troubleOf(error: unknown): Trouble {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return troubles[String(code)] ?? troubles[String(name)] ?? "unreachable";
}
