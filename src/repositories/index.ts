/**
 * Repositories of container images, as ECR has them: what was pushed to this platform. What there is stands in documents, content in
 * files named by their digests, which repositories share without seeing each other's.
 */

export { digestPattern, type Upload } from "./content.ts";
export { type FailureCode, RepositoryError } from "./failure.ts";
export { type ManifestFacts, readManifest } from "./manifest.ts";
export type { BlobRecord, ImageRecord, RepositoryRecord } from "./records.ts";
export {
  createRepositories,
  type NewImage,
  type Repositories,
  type RepositoriesNeeds,
  type RepositoryScope,
} from "./repositories.ts";
