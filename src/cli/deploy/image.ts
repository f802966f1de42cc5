import { existsSync } from "node:fs";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommandFailure, usageFailure } from "../failure.ts";
import type { Connection } from "../settings.ts";
import type { ImageCode } from "./function.ts";
import { pushLayout } from "./push.ts";

/**
 * The image that a target means: a folder in OCI image layout or a file that `docker save` wrote (`-`: from standard input), which are
 * pushed to the platform's own registry, `:TAG` behind it choosing among several; or an address, which the platform pulls itself.
 */
export async function imageOf(connection: Connection, target: string, repository: string): Promise<ImageCode> {
  const scratch = await mkdtemp(join(tmpdir(), "thaw-image-"));
  try {
    const { path, tag } = target === "-" ? { path: await fromInput(scratch), tag: undefined } : placeOf(target);
    if (path === undefined) return { uri: target, digest: /@(sha256:[0-9a-f]{64})$/.exec(target)?.[1], sentBytes: 0 };
    const isFolder = (await stat(path)).isDirectory();
    if (isFolder && !existsSync(join(path, "index.json"))) {
      throw usageFailure(
        `${path} is no image: it has no index.json.`,
        "name a folder in OCI image layout, a file of `docker save`, or an image's address",
      );
    }
    return await pushLayout(
      connection,
      isFolder ? path : await opened(path, tag, scratch),
      repository,
      isFolder ? tag : undefined,
    );
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** What lies on this machine; its name may have a tag behind it. */
function placeOf(target: string): { readonly path: string | undefined; readonly tag: string | undefined } {
  if (existsSync(target)) return { path: target, tag: undefined };
  const colon = target.indexOf(":");
  const path = colon > 0 ? target.slice(0, colon) : "";
  if (path !== "" && existsSync(path)) return { path, tag: target.slice(colon + 1) };
  if (/^[./]|\.tar$/.test(target)) throw new CommandFailure(`There is no image at ${target}: no such file or folder.`);
  return { path: undefined, tag: undefined };
}

async function fromInput(folder: string): Promise<string> {
  const path = join(folder, "image.tar");
  await writeFile(path, process.stdin);
  return path;
}

/** The file's contents as a layout, by the reader that the platform has for such files. */
async function opened(path: string, tag: string | undefined, scratch: string): Promise<string> {
  const { createArchives, ImageRefused } = await import("../../artifacts/index.ts");
  try {
    return await createArchives(join(scratch, "layouts")).opened(path, tag, path);
  } catch (error) {
    if (!(error instanceof ImageRefused)) throw error;
    throw new CommandFailure(error.message, { next: "write it with `docker save`, or unpack it into a folder" });
  }
}
