import { createHash } from "node:crypto";
import { createReadStream, mkdirSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { pipeline, type Readable, Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import type { Blobs } from "./blobs.ts";
import { type Allowance, applyLayer } from "./layer.ts";
import { compressionOf, type Descriptor, hostile, type ImageConfig, imageLimits, type Manifest } from "./manifest.ts";
import { ImageRefused } from "./refused.ts";
import { tarEntries } from "./tar.ts";

/** Unpacks an image's layers over each other into the new directory `into`. Rejects with ImageRefused. */
export async function flatten(
  blobs: Blobs,
  manifest: Manifest,
  config: ImageConfig,
  into: string,
  uri: string,
): Promise<void> {
  mkdirSync(into);
  await chmod(into, 0o755);
  const left: Allowance = { entries: imageLimits.entries, bytes: imageLimits.bytes };
  const tarBytes = { left: 2 * imageLimits.bytes };
  for (const [index, layer] of manifest.layers.entries()) {
    try {
      await unpackLayer(blobs, layer, config.diffIds[index]!, into, left, tarBytes);
    } catch (error) {
      if (error instanceof ImageRefused) throw error;
      const said = error instanceof Error ? error.message : String(error);
      throw hostile(
        uri,
        `layer ${index + 1} of ${manifest.layers.length} cannot be unpacked (${said.replaceAll(into, "")})`,
      );
    }
  }
}

async function unpackLayer(
  blobs: Blobs,
  layer: Descriptor,
  diffId: string,
  into: string,
  left: Allowance,
  tarBytes: { left: number },
): Promise<void> {
  const hash = createHash("sha256");
  const packed = createReadStream(blobs.path(layer.digest), { highWaterMark: 256 << 10 });
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      tarBytes.left -= chunk.length;
      if (tarBytes.left < 0) return done(new Error("it is larger than an image may be"));
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const open = { none: undefined, gzip: createGunzip, zstd: createZstdDecompress }[compressionOf(layer)];
  // pipeline() hands an error of any of them on to the last, which is read below.
  const end = (error: unknown) => void error;
  const tar: Readable =
    open === undefined
      ? pipeline(packed, counted, end)
      : pipeline(packed, open({ chunkSize: 256 << 10 }), counted, end);
  await applyLayer(into, tarEntries(tar), left);
  if (`sha256:${hash.digest("hex")}` !== diffId) throw new Error("it is not the tar that the image's config names");
}
