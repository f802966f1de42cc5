import { digestPattern } from "./content.ts";
import { RepositoryError } from "./failure.ts";

/** What a repository has to know of a manifest. */
export interface ManifestFacts {
  readonly mediaType: string;
  readonly artifactType?: string | undefined;
  /** digests of config and layers; none of an index */
  readonly blobs: readonly string[];
  /** digests of the manifests that an index names */
  readonly images: readonly string[];
  /** of config and layers, bytes */
  readonly size: number;
}

/** Bytes of the largest manifest. Source: distribution-spec, "Pushing Manifests". */
export const manifestBytes = 4 * 1024 * 1024;

const imageTypes: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
]);
const indexTypes: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
]);

/**
 * Reads what somebody pushes as a manifest. `given`: the type that its sender says it has. Throws InvalidParameterException.
 * Source: image-spec, manifest.md and image-index.md; distribution's schema 2.
 */
export function readManifest(bytes: Buffer, given?: string): ManifestFacts {
  const document = parsed(bytes);
  const own = typeof document.mediaType === "string" ? document.mediaType : undefined;
  const mediaType = own ?? given?.split(";")[0]?.trim() ?? [...imageTypes][0]!;
  if (document.schemaVersion !== 2) throw invalid("its schemaVersion is not 2");
  if (given !== undefined && own !== undefined && given.split(";")[0]!.trim() !== own) {
    throw invalid(`it was sent as ${shown(given)} and says that it is ${shown(own)}`);
  }
  if (indexTypes.has(mediaType)) {
    const images = descriptors(document.manifests, "manifests").map(({ digest }) => digest);
    return { mediaType, artifactType: textOf(document.artifactType), blobs: [], images, size: 0 };
  }
  if (!imageTypes.has(mediaType)) throw invalid(`${shown(mediaType)} is no type of a manifest`);
  const blobs = [...descriptors([document.config], "config"), ...descriptors(document.layers, "layers")];
  return {
    mediaType,
    artifactType: textOf(document.artifactType),
    blobs: [...new Set(blobs.map(({ digest }) => digest))],
    images: [],
    size: blobs.reduce((sum, { size }) => sum + size, 0),
  };
}

function parsed(bytes: Buffer): Record<string, unknown> {
  if (bytes.length > manifestBytes) throw invalid(`it has more than ${manifestBytes} bytes`);
  try {
    const document = JSON.parse(bytes.toString("utf8")) as unknown;
    if (typeof document === "object" && document !== null && !Array.isArray(document)) {
      return document as Record<string, unknown>;
    }
  } catch {
    // Said below.
  }
  throw invalid("it is no JSON document");
}

function descriptors(list: unknown, member: string): { readonly digest: string; readonly size: number }[] {
  if (!Array.isArray(list)) throw invalid(`it has no ${member}`);
  return list.map((entry: unknown) => {
    const { digest, size } = (entry ?? {}) as Record<string, unknown>;
    if (typeof digest !== "string" || !digestPattern.test(digest))
      throw invalid(`a digest in its ${member} is not valid`);
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
      throw invalid(`a size in its ${member} is not valid`);
    }
    return { digest, size };
  });
}

const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
const shown = (text: string): string => `'${text.slice(0, 100)}'`;
const invalid = (why: string): RepositoryError =>
  new RepositoryError(
    "InvalidParameterException",
    `Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax': ${why}`,
  );
