import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { RegistryCall } from "./door.ts";
import { type Answer, RegistryError } from "./errors.ts";

const unknown = () => new RegistryError("BLOB_UNKNOWN", 404, "The layer does not exist in the repository");

/** A blob, or from a byte on: clients go on where an earlier download broke off. */
export async function blobs(call: RegistryCall): Promise<undefined> {
  const { request, response, repositories, repository, reference } = call;
  const blob = repositories.blob(repository, reference);
  if (blob === undefined) throw unknown();
  const { size, digest } = blob;
  const { from, until, partial } = rangeOf(request.headers.range, size);
  const headers = {
    "docker-distribution-api-version": "registry/2.0",
    "docker-content-digest": digest,
    "content-type": "application/octet-stream",
    "accept-ranges": "bytes",
    "content-length": until - from,
    ...(partial ? { "content-range": `bytes ${from}-${until - 1}/${size}` } : {}),
  };
  const status = partial ? 206 : 200;
  if (request.method === "HEAD" || until === from) {
    response.writeHead(status, headers).end();
    return;
  }
  const file = await open(repositories.path(digest), "r").catch((error: NodeJS.ErrnoException) => {
    // Deleted since.
    throw error.code === "ENOENT" && repositories.blob(repository, reference) === undefined ? unknown() : error;
  });
  response.writeHead(status, headers);
  // A client that went away in the middle is no failure of ours; the stream closes the file.
  await pipeline(file.createReadStream({ start: from, end: until - 1, highWaterMark: 256 * 1024 }), response).catch(
    () => response.destroy(),
  );
}

/** Source: RFC 9110, section 14: what is not understood is answered with the whole. */
function rangeOf(header: string | undefined, size: number) {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === undefined) return { from: 0, until: size, partial: false };
  const from = Number(first);
  const until = last === "" || last === undefined ? size : Math.min(Number(last) + 1, size);
  if (from >= size || until <= from) {
    throw new RegistryError("SIZE_INVALID", 416, "The blob has no such bytes", { "content-range": `bytes */${size}` });
  }
  return { from, until, partial: true };
}

export function deleteBlob({ repositories, repository, reference }: RegistryCall): Answer {
  if (repositories.blob(repository, reference) === undefined) throw unknown();
  throw new RegistryError("UNSUPPORTED", 405, "Layers go with the last image that has them");
}
