import { ServiceError } from "../../../../model/index.ts";
import type { ImageRecord } from "../../../../repositories/index.ts";
import { readBody } from "../../../body.ts";
import type { RegistryCall } from "./door.ts";
import { type Answer, RegistryError } from "./errors.ts";
import { paged } from "./page.ts";

const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
/** Source: distribution-spec, "Pushing Manifests". */
const manifestBytes = 4 * 1024 * 1024;

function imageOf({ repositories, repository, reference }: RegistryCall): ImageRecord {
  const image = repositories.image(repository, reference);
  if (image !== undefined) return image;
  throw new RegistryError("MANIFEST_UNKNOWN", 404, "Requested image not found");
}

export async function getManifest(call: RegistryCall): Promise<Answer> {
  const image = imageOf(call);
  const bytes = await call.repositories.manifest(image);
  return { bytes, headers: { "content-type": image.mediaType, "docker-content-digest": image.digest } };
}

export async function putManifest({ request, repositories, repository, reference }: RegistryCall): Promise<Answer> {
  const isDigest = reference.startsWith("sha256:");
  if (!isDigest && !tagPattern.test(reference)) throw new RegistryError("TAG_INVALID", 400, "The tag is not valid");
  const tooLarge = () =>
    new ServiceError("RequestTooLargeException", `A manifest must be smaller than ${manifestBytes} bytes`);
  const { image } = await repositories.putImage(repository, {
    manifest: await readBody(request, manifestBytes, tooLarge),
    mediaType: request.headers["content-type"],
    tag: isDigest ? undefined : reference,
    digest: isDigest ? reference : undefined,
  });
  const location = `/v2/${repository.repository}/manifests/${image.digest}`;
  return { status: 201, headers: { location, "docker-content-digest": image.digest } };
}

/** By its tag, the tag, and the image with its last one; by its digest, the image. */
export function deleteManifest(call: RegistryCall): Answer {
  const image = imageOf(call);
  const { repositories, repository, reference } = call;
  if (reference !== image.digest && image.tags.length > 1) repositories.untag(repository, image, reference);
  else if (!repositories.removeImage(repository, image)) {
    throw new RegistryError("DENIED", 403, `Requested image referenced by manifest list: [${image.digest}]`);
  }
  return { status: 202 };
}

export function tags({ query, repositories, repository }: RegistryCall): Answer {
  const name = repository.repository;
  const all = repositories.images(repository).flatMap((image) => image.tags);
  return paged(`/v2/${name}/tags/list`, all.sort(), query, (shown) => ({ name, tags: shown }));
}
