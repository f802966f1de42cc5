import { digestPattern } from "./reference.ts";
import { ImageRefused } from "./refused.ts";

/** A blob as a manifest names it (image-spec, descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  /** `sha256:` and 64 hex digits */
  readonly digest: string;
  /** bytes */
  readonly size: number;
}

export interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** What an image's config says that matters here (image-spec, config.md). */
export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  /** digests of the layers' tars, from the bottom up */
  readonly diffIds: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly entryPoint: readonly string[];
  readonly command: readonly string[];
  readonly workingDirectory: string;
}

export const manifestTypes = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];
export const indexTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];
const configTypes = ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

export type Compression = "none" | "gzip" | "zstd";
const layerTypes: Readonly<Record<string, Compression>> = {
  "application/vnd.oci.image.layer.v1.tar": "none",
  "application/vnd.oci.image.layer.v1.tar+gzip": "gzip",
  "application/vnd.oci.image.layer.v1.tar+zstd": "zstd",
  "application/vnd.docker.image.rootfs.diff.tar": "none",
  "application/vnd.docker.image.rootfs.diff.tar.gzip": "gzip",
};

/** Bounds of what an image may claim. Lambda's is 10 GB uncompressed, all layers together ("Lambda quotas"); the others are ours. */
export const imageLimits = Object.freeze({
  manifestBytes: 4 << 20,
  configBytes: 8 << 20,
  layers: 127,
  bytes: 10 * 1024 ** 3,
  /** files, directories and links of all layers */
  entries: 2_000_000,
});

/** How a layer is packed. The type was checked with its manifest. */
export const compressionOf = (layer: Descriptor): Compression => layerTypes[layer.mediaType] ?? "none";

/** The names AWS gives architectures, as images name them (GOARCH). */
export const goArchitecture = { x86_64: "amd64", arm64: "arm64" } as const;

/** Reads a manifest's JSON: an index of several, or one image. Throws ImageRefused. */
export function readManifest(bytes: Buffer, uri: string): Manifest | { readonly index: readonly IndexEntry[] } {
  const document = record(json(bytes, uri), uri);
  const { mediaType } = document;
  if (document.schemaVersion !== 2) throw unsupported(uri);
  const isIndex = Array.isArray(document.manifests) && document.layers === undefined;
  const known: readonly unknown[] = isIndex ? indexTypes : manifestTypes;
  if (mediaType !== undefined && !known.includes(mediaType)) throw unsupported(uri);
  if (isIndex) return { index: list(document.manifests, uri).map((entry) => indexEntry(entry, uri)) };
  const config = descriptor(document.config, uri);
  const layers = list(document.layers, uri).map((layer) => descriptor(layer, uri));
  if (!configTypes.includes(config.mediaType)) throw unsupported(uri);
  if (layers.some((layer) => layerTypes[layer.mediaType] === undefined)) throw unsupported(uri);
  if (layers.length > imageLimits.layers) throw hostile(uri, `it has more than ${imageLimits.layers} layers`);
  const total = layers.reduce((sum, layer) => sum + layer.size, 0);
  if (total > imageLimits.bytes) throw hostile(uri, "it is larger than 10 GB");
  if (config.size > imageLimits.configBytes) throw hostile(uri, "its config is too large");
  return { config, layers };
}

export interface IndexEntry extends Descriptor {
  readonly architecture: string | undefined;
  readonly os: string | undefined;
  readonly tag: string | undefined;
}

/** The one image of an index that is for Linux on this architecture. Throws ImageRefused. */
export function choose(index: readonly IndexEntry[], architecture: "x86_64" | "arm64", uri: string): IndexEntry {
  const wanted = goArchitecture[architecture];
  const found = index.find((entry) => entry.os === "linux" && entry.architecture === wanted);
  // Layout folders of one image often do not say.
  const only = index.length === 1 && index[0]!.architecture === undefined ? index[0] : undefined;
  const chosen = found ?? only;
  if (chosen === undefined) throw hostile(uri, `it has no image for linux/${wanted}`, "unsupported");
  return chosen;
}

/** Reads a config's JSON. Throws ImageRefused. */
export function readConfig(bytes: Buffer, manifest: Manifest, uri: string): ImageConfig {
  const document = record(json(bytes, uri), uri);
  const settings = record(document.config ?? {}, uri);
  const rootfs = record(document.rootfs, uri);
  const diffIds = texts(rootfs.diff_ids, uri);
  if (diffIds.length !== manifest.layers.length) throw hostile(uri, "its config does not name each of its layers");
  if (!diffIds.every((id) => digestPattern.test(id)))
    throw hostile(uri, "its config names a layer by no SHA-256 digest");
  const env: Record<string, string> = {};
  for (const pair of texts(settings.Env, uri)) {
    const equals = pair.indexOf("=");
    if (equals > 0) env[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  return {
    architecture: text(document.architecture, uri),
    os: text(document.os, uri),
    diffIds,
    env,
    entryPoint: texts(settings.Entrypoint, uri),
    command: texts(settings.Cmd, uri),
    workingDirectory: settings.WorkingDir ? text(settings.WorkingDir, uri) : "/",
  };
}

function indexEntry(value: unknown, uri: string): IndexEntry {
  const { platform, annotations } = record(value, uri);
  const { architecture, os } = platform === undefined ? {} : record(platform, uri);
  const name = annotations === undefined ? undefined : record(annotations, uri)["org.opencontainers.image.ref.name"];
  const plain = (given: unknown) => (typeof given === "string" ? given : undefined);
  return { ...descriptor(value, uri), architecture: plain(architecture), os: plain(os), tag: plain(name) };
}

function descriptor(value: unknown, uri: string): Descriptor {
  const { mediaType, digest, size } = record(value, uri);
  if (typeof mediaType !== "string") throw unsupported(uri);
  if (typeof digest !== "string" || !digestPattern.test(digest))
    throw hostile(uri, "it names a blob by no SHA-256 digest");
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw hostile(uri, "it names a blob without its size");
  return { mediaType, digest, size: size as number };
}

function json(bytes: Buffer, uri: string): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch (error) {
    throw new ImageRefused("damaged", `The image ${uri} cannot be used: a part of it that should be JSON is not.`, {
      cause: error,
    });
  }
}

function record(value: unknown, uri: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw hostile(uri, "its manifest or config has not the form that it must have");
}

function list(value: unknown, uri: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw hostile(uri, "its manifest or config has not the form that it must have");
}

function texts(value: unknown, uri: string): string[] {
  return value === undefined || value === null ? [] : list(value, uri).map((item) => text(item, uri));
}

function text(value: unknown, uri: string): string {
  if (typeof value === "string" && !value.includes("\0")) return value;
  throw hostile(uri, "its config has something else where text must be");
}

/** `what` ends the sentence. */
export function hostile(uri: string, what: string, trouble: "damaged" | "unsupported" = "damaged"): ImageRefused {
  return new ImageRefused(trouble, `The image ${uri} cannot be used: ${what}.`);
}

/** In AWS's words. */
export function unsupported(uri: string): ImageRefused {
  const text = `The image manifest, config or layer media type for the source image ${uri} is not supported.`;
  return new ImageRefused("unsupported", text);
}
