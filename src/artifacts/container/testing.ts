import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { packTar, type TarHeader } from "modern-tar";

/** An entry of a layer: a file's content, or a whole header. */
export type LayerEntry = readonly [name: string, content: string | Buffer, header?: Partial<TarHeader>];

export interface BuiltImage {
  readonly manifest: Buffer;
  /** by digest, manifest and config among them */
  readonly blobs: ReadonlyMap<string, Buffer>;
  /** of the manifest */
  readonly digest: string;
}

export interface ImageParts {
  readonly layers: readonly (readonly LayerEntry[])[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly architecture?: string;
  readonly compression?: "gzip" | "zstd" | "none";
  readonly docker?: boolean;
}

export const sha256Of = (bytes: Buffer): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

export async function tarOf(entries: readonly LayerEntry[]): Promise<Buffer> {
  return Buffer.from(
    await packTar(
      entries.map(([name, content, header]) => {
        const body = Buffer.from(content);
        return { header: { name, size: body.length, type: "file", mode: 0o644, mtime: new Date(0), ...header }, body };
      }),
    ),
  );
}

/** An image made of layers in memory, as a builder would make it. */
export async function buildImage(parts: ImageParts): Promise<BuiltImage> {
  const { compression = "gzip", docker = false } = parts;
  const pack = {
    gzip: (tar: Buffer) => gzipSync(tar),
    zstd: (tar: Buffer) => zstdCompressSync(tar),
    none: (tar: Buffer) => tar,
  };
  const blobs = new Map<string, Buffer>();
  const add = (bytes: Buffer, mediaType: string) => {
    const digest = sha256Of(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const tars = await Promise.all(parts.layers.map(tarOf));
  const layerType = docker
    ? "application/vnd.docker.image.rootfs.diff.tar.gzip"
    : `application/vnd.oci.image.layer.v1.tar${compression === "none" ? "" : `+${compression}`}`;
  const layers = tars.map((tar) => add(pack[compression](tar), layerType));
  const config = {
    architecture: parts.architecture ?? "amd64",
    os: "linux",
    config: parts.config ?? {},
    rootfs: { type: "layers", diff_ids: tars.map(sha256Of) },
  };
  const type = docker
    ? "application/vnd.docker.distribution.manifest.v2+json"
    : "application/vnd.oci.image.manifest.v1+json";
  const configType = docker
    ? "application/vnd.docker.container.image.v1+json"
    : "application/vnd.oci.image.config.v1+json";
  const document = {
    schemaVersion: 2,
    mediaType: type,
    config: add(Buffer.from(JSON.stringify(config)), configType),
    layers,
  };
  const manifest = Buffer.from(JSON.stringify(document));
  return { manifest, blobs, digest: add(manifest, type).digest };
}

/** Writes an image as a directory in OCI image layout. */
export function writeLayout(folder: string, image: BuiltImage, tag = "latest"): void {
  mkdirSync(join(folder, "blobs", "sha256"), { recursive: true });
  for (const [digest, bytes] of image.blobs) writeFileSync(join(folder, "blobs", ...digest.split(":")), bytes);
  const entry = {
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: image.digest,
    size: image.manifest.length,
    annotations: { "org.opencontainers.image.ref.name": tag },
  };
  writeFileSync(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(join(folder, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
}

/** An image as the file that `docker save` made before it wrote layouts. */
export async function archiveOf(image: BuiltImage, name: string): Promise<Buffer> {
  const { config, layers } = JSON.parse(image.manifest.toString()) as {
    config: { digest: string };
    layers: { digest: string }[];
  };
  const nameOf = (digest: string) => `${digest.slice(7)}.tar`;
  const list = [{ Config: "config.json", RepoTags: [name], Layers: layers.map(({ digest }) => nameOf(digest)) }];
  return tarOf([
    ...layers.map(({ digest }): LayerEntry => [nameOf(digest), image.blobs.get(digest)!]),
    ["config.json", image.blobs.get(config.digest)!],
    ["manifest.json", JSON.stringify(list)],
  ]);
}
