import {
  digestPattern,
  type ImageRecord,
  RepositoryError,
  type RepositoryRecord,
} from "../../../repositories/index.ts";
import { type EcrCall, invalidParameter, type Named, type PageInput, page, repositoryOf, seconds } from "./context.ts";
import { named } from "./repositories.ts";

interface ImageId {
  readonly imageDigest?: string | undefined;
  readonly imageTag?: string | undefined;
}

interface Failure {
  readonly imageId: ImageId;
  readonly failureCode: string;
  readonly failureReason: string;
}

interface Filtered extends PageInput {
  readonly filter?: { readonly tagStatus?: "TAGGED" | "UNTAGGED" | "ANY" };
}

const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

export async function putImage(
  call: EcrCall<
    Named & {
      readonly imageManifest: string;
      readonly imageManifestMediaType?: string;
      readonly imageTag?: string;
      readonly imageDigest?: string;
    }
  >,
) {
  const record = repositoryOf(call);
  const { imageManifest, imageManifestMediaType, imageTag, imageDigest } = call.input;
  checkTag(imageTag);
  const { image, isNew } = await call.context.repositories.putImage(record, {
    manifest: Buffer.from(imageManifest, "utf8"),
    mediaType: imageManifestMediaType,
    tag: imageTag,
    digest: imageDigest,
  });
  if (!isNew) {
    const what = imageTag === undefined ? "" : ` and tag '${imageTag}'`;
    throw new RepositoryError(
      "ImageAlreadyExistsException",
      `Image with digest '${image.digest}'${what} already exists in the repository with name '${record.repository}' in registry with id '${record.account}'`,
    );
  }
  return {
    image: {
      ...named(record),
      imageId: { imageDigest: image.digest, imageTag },
      imageManifest,
      imageManifestMediaType: image.mediaType,
    },
  };
}

/** Throws InvalidParameterException. */
export function checkTag(tag: string | undefined): void {
  if (tag === undefined || tagPattern.test(tag)) return;
  throw invalidParameter(
    "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular expression '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}''",
  );
}

export async function batchGetImage(call: EcrCall<Named & { readonly imageIds: readonly ImageId[] }>) {
  const record = repositoryOf(call);
  const { found, failures } = sorted(call, record, call.input.imageIds);
  const images = await Promise.all(
    found.map(async ({ image, id }) => ({
      ...named(record),
      imageId: { imageDigest: image.digest, imageTag: id.imageTag },
      imageManifest: (await call.context.repositories.manifest(image)).toString("utf8"),
      imageManifestMediaType: image.mediaType,
    })),
  );
  return { images, failures };
}

export function batchDeleteImage(call: EcrCall<Named & { readonly imageIds: readonly ImageId[] }>) {
  const record = repositoryOf(call);
  const { repositories } = call.context;
  const { found, failures } = sorted(call, record, call.input.imageIds);
  const imageIds: ImageId[] = [];
  for (const { id } of found) {
    const image = repositories.image(record, id.imageTag ?? id.imageDigest ?? "");
    // Named twice, it is gone by now.
    if (image === undefined) continue;
    const gone = id.imageDigest === undefined ? [id.imageTag!] : [...image.tags];
    if (gone.length < image.tags.length) repositories.untag(record, image, id.imageTag!);
    else if (!repositories.removeImage(record, image)) {
      const failureReason = `Requested image referenced by manifest list: [${image.digest}]`;
      failures.push({ imageId: id, failureCode: "ImageReferencedByManifestList", failureReason });
      continue;
    }
    const { digest: imageDigest } = image;
    imageIds.push(...(gone.length === 0 ? [{ imageDigest }] : gone.map((imageTag) => ({ imageDigest, imageTag }))));
  }
  return { imageIds, failures };
}

export function listImages(call: EcrCall<Named & Filtered>) {
  const ids = wanted(call, repositoryOf(call)).flatMap(({ digest: imageDigest, tags }): ImageId[] =>
    tags.length === 0 ? [{ imageDigest }] : tags.map((imageTag) => ({ imageDigest, imageTag })),
  );
  const { items, more } = page(ids, call.input);
  return { imageIds: items, ...more };
}

export function describeImages(call: EcrCall<Named & Filtered & { readonly imageIds?: readonly ImageId[] }>) {
  const record = repositoryOf(call);
  const { imageIds } = call.input;
  const { found, failures } = sorted(call, record, imageIds ?? []);
  const [failure] = failures;
  if (failure !== undefined) {
    const { imageDigest = "null", imageTag = "null" } = failure.imageId;
    throw new RepositoryError(
      "ImageNotFoundException",
      `The image with imageId {imageDigest:'${imageDigest}', imageTag:'${imageTag}'} does not exist within the repository with name '${record.repository}' in the registry with id '${record.account}'`,
    );
  }
  const images = imageIds === undefined ? wanted(call, record) : [...new Set(found.map(({ image }) => image))];
  const { items, more } = page(images, call.input);
  return {
    imageDetails: items.map(({ digest, tags, size, pushed, mediaType, artifactType }) => ({
      ...named(record),
      imageDigest: digest,
      ...(tags.length === 0 ? {} : { imageTags: tags }),
      imageSizeInBytes: size,
      imagePushedAt: seconds(pushed),
      imageManifestMediaType: mediaType,
      artifactMediaType: artifactType,
      imageStatus: "ACTIVE",
    })),
    ...more,
  };
}

function wanted({ input, context }: EcrCall<Filtered>, record: RepositoryRecord): readonly ImageRecord[] {
  const { tagStatus = "ANY" } = input.filter ?? {};
  const images = context.repositories.images(record);
  return tagStatus === "ANY" ? images : images.filter(({ tags }) => tags.length > 0 === (tagStatus === "TAGGED"));
}

/** What is there of what was named, and why the rest is not. */
function sorted({ context }: EcrCall<unknown>, record: RepositoryRecord, ids: readonly ImageId[]) {
  const found: { readonly id: ImageId; readonly image: ImageRecord }[] = [];
  const failures: Failure[] = [];
  for (const id of ids) {
    const image = context.repositories.image(record, id.imageTag ?? id.imageDigest ?? "");
    const why = whyNot(id, image);
    if (why === undefined) found.push({ id, image: image! });
    else failures.push({ imageId: id, failureCode: why[0], failureReason: why[1] });
  }
  return { found, failures };
}

function whyNot({ imageDigest, imageTag }: ImageId, image: ImageRecord | undefined) {
  if (imageDigest === undefined && imageTag === undefined) {
    return ["MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"] as const;
  }
  if (imageDigest !== undefined && !digestPattern.test(imageDigest)) {
    const expected = "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+";
    return [
      "InvalidImageDigest",
      `Invalid request parameters: image digest should satisfy the regex '${expected}'`,
    ] as const;
  }
  if (image === undefined) return ["ImageNotFound", "Requested image not found"] as const;
  if (imageDigest === undefined || imageDigest === image.digest) return undefined;
  return ["ImageTagDoesNotMatchDigest", "The image tag and the image digest name different images"] as const;
}
