import { digestPattern, type Upload } from "../../../../repositories/index.ts";
import type { RegistryCall } from "./door.ts";
import { type Answer, RegistryError } from "./errors.ts";

/** Begins an upload, or makes it needless: the blob of another repository, or all of it at once. Source: distribution-spec, "Pushing blobs". */
export async function beginUpload(call: RegistryCall): Promise<Answer> {
  const { request, query, repositories, repository } = call;
  const mounted = query.get("mount");
  if (mounted !== null && digestPattern.test(mounted)) {
    const from = query.get("from");
    const source = from === null ? undefined : call.other(from, "GetDownloadUrlForLayer");
    if (source !== undefined && repositories.mount(source, repository, mounted)) return stored(call, mounted);
  }
  const digest = query.get("digest");
  if (digest !== null) checkDigest(digest);
  const upload = await repositories.begin(repository);
  if (digest === null) return status(call, upload, 202);
  await repositories.append(upload, request);
  await repositories.finish(repository, upload, digest);
  return stored(call, digest);
}

export function uploadStatus(call: RegistryCall): Answer {
  return status(call, call.repositories.upload(call.repository, call.reference), 204);
}

export async function growUpload(call: RegistryCall): Promise<Answer> {
  const upload = call.repositories.upload(call.repository, call.reference);
  checkOrder(call, upload);
  await call.repositories.append(upload, call.request);
  return status(call, upload, 202);
}

export async function endUpload(call: RegistryCall): Promise<Answer> {
  const digest = call.query.get("digest") ?? "";
  checkDigest(digest);
  const upload = call.repositories.upload(call.repository, call.reference);
  checkOrder(call, upload);
  await call.repositories.append(upload, call.request);
  await call.repositories.finish(call.repository, upload, digest);
  return stored(call, digest);
}

export async function dropUpload({ repositories, repository, reference }: RegistryCall): Promise<Answer> {
  await repositories.abandon(repositories.upload(repository, reference));
  return { status: 204 };
}

function checkDigest(digest: string): void {
  if (digestPattern.test(digest)) return;
  throw new RegistryError("DIGEST_INVALID", 400, "A digest is wanted: sha256: and 64 hexadecimal digits");
}

/** A chunk begins where the one before ended, or is refused. */
function checkOrder(call: RegistryCall, upload: Upload): void {
  const { "content-range": range, "content-length": length } = call.request.headers;
  if (range === undefined) return;
  const [, first, last] = /^(?:bytes[ =])?(\d+)-(\d+)(?:\/.*)?$/.exec(range) ?? [];
  const fits =
    Number(first) === upload.size && (length === undefined || Number(last) - Number(first) + 1 === Number(length));
  if (fits) return;
  throw new RegistryError("BLOB_UPLOAD_INVALID", 416, `The next chunk begins with byte ${upload.size}`, {
    ...(status(call, upload, 416).headers ?? {}),
  });
}

function status({ repository }: RegistryCall, { id, size }: Upload, code: number): Answer {
  return {
    status: code,
    headers: {
      location: `/v2/${repository.repository}/blobs/uploads/${id}`,
      range: `0-${Math.max(size - 1, 0)}`,
      "docker-upload-uuid": id,
    },
  };
}

function stored({ repository }: RegistryCall, digest: string): Answer {
  const location = `/v2/${repository.repository}/blobs/${digest}`;
  return { status: 201, headers: { location, "docker-content-digest": digest } };
}
