/**
 * Buckets and objects. Content lies in files whose names are ours; what there is stands in a database beside them. Content
 * is on the disk before anything says that it is there, and goes when nothing says so any more.
 */
export {
  type Algorithm,
  algorithms,
  type Checksum,
  type ChecksumType,
  canBe,
  isSum,
  usualType,
} from "./checksums.ts";
export { type FailureCode, noSuchBucket, noSuchKey, ObjectsError, preconditionFailed } from "./failure.ts";
export type { Page, Wanted } from "./listing.ts";
export {
  createObjects,
  type Deleted,
  type NewObject,
  type Objects,
  type ObjectsNeeds,
  type Received,
  type WriteCondition,
} from "./objects.ts";
export type {
  BucketRecord,
  Description,
  ObjectPart,
  ObjectRecord,
  PartRecord,
  UploadRecord,
  Version,
} from "./records.ts";
export type { Completion, ListedPart } from "./uploads.ts";
