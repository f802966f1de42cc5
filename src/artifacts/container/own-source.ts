import { createReadStream } from "node:fs";
import { hostile } from "./manifest.ts";
import { ImageRefused } from "./refused.ts";
import type { ImageSource } from "./source.ts";

/** Who wants an image: the function's account and region. */
export interface Puller {
  readonly account: string;
  readonly region: string;
}

/** A repository of this platform's own. */
export interface OwnRepository {
  /** by tag or digest; undefined: it has no such image */
  manifest(reference: string): Promise<Buffer | undefined>;
  /** the file with a blob; undefined: it has none of this digest */
  file(digest: string): string | undefined;
}

/**
 * Repositories of this platform, by the names in ImageUris. `denied`: there is one, and not for this account; undefined: none, and
 * the image is elsewhere. Without a puller: for a function that was let in before.
 */
export type FindOwn = (
  image: { readonly host: string; readonly repository: string; readonly reference: string },
  puller: Puller | undefined,
) => OwnRepository | "denied" | undefined;

/** An image that was pushed to this platform. Throws ImageRefused. */
export function ownSource(found: OwnRepository | "denied", reference: string, uri: string): ImageSource {
  if (found === "denied") {
    throw new ImageRefused(
      "denied",
      "Lambda does not have permission to access the ECR image. Check the ECR permissions.",
    );
  }
  return {
    async manifest(digest = reference) {
      const bytes = await found.manifest(digest);
      if (bytes !== undefined) return bytes;
      throw new ImageRefused("missing", `Source image ${uri} does not exist. Provide a valid source image.`);
    },
    async blob({ digest }, from) {
      const file = found.file(digest);
      if (file === undefined) throw hostile(uri, "a blob of it is missing");
      return { whole: false, bytes: createReadStream(file, { start: from, highWaterMark: 1 << 20 }) };
    },
    file: found.file,
  };
}
