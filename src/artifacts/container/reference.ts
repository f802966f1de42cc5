import { ImageRefused } from "./refused.ts";

/** Where an image is. */
export type Reference =
  | {
      readonly kind: "registry";
      /** with its port, as the ImageUri has it */
      readonly host: string;
      readonly repository: string;
      /** a tag, or `sha256:` and 64 hex digits */
      readonly reference: string;
    }
  /** a directory in OCI image layout (image-spec, image-layout.md) or the file that `docker save` makes, on this machine */
  | { readonly kind: "oci" | "docker-archive"; readonly path: string; readonly tag: string | undefined };

const host =
  /^(?=.{1,255}$)(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;
const repository = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tag = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
export const digestPattern = /^sha256:[0-9a-f]{64}$/;

/**
 * Reads an ImageUri: `HOST[:PORT]/NAME[:TAG][@DIGEST]` (the grammar of distribution's reference.go; `latest` where neither
 * is given), `oci:PATH[:TAG]`, `docker-archive:PATH[:NAME:TAG]`. Throws ImageRefused in AWS's words.
 */
export function parseReference(uri: string): Reference {
  const invalid = () => new ImageRefused("invalid", `Source image ${uri} is not valid. Provide a valid source image.`);
  const local = /^(oci|docker-archive):(\/[^:\0]*)(?::([^\0]+))?$/.exec(uri);
  if (local) return { kind: local[1] as "oci", path: local[2]!, tag: local[3] };
  const slash = uri.indexOf("/");
  const at = uri.indexOf("@");
  const named = at < 0 ? uri : uri.slice(0, at);
  const colon = named.lastIndexOf(":");
  const tagged = colon > slash;
  const found = {
    host: uri.slice(0, Math.max(slash, 0)),
    repository: named.slice(slash + 1, tagged ? colon : undefined),
    tag: tagged ? named.slice(colon + 1) : undefined,
    digest: at < 0 ? undefined : uri.slice(at + 1),
  };
  // As Docker tells hosts from names: by a dot, a port, or the name localhost.
  const isHost = /[.:]/.test(found.host) || found.host === "localhost";
  if (uri.length > 1024 || !isHost || !host.test(found.host) || !repository.test(found.repository)) throw invalid();
  if (found.tag !== undefined && !tag.test(found.tag)) throw invalid();
  if (found.digest !== undefined && !digestPattern.test(found.digest)) throw invalid();
  return {
    kind: "registry",
    host: found.host,
    repository: found.repository,
    reference: found.digest ?? found.tag ?? "latest",
  };
}

/** The same image by its digest, which never means another: ResolvedImageUri. */
export function resolvedUri(uri: string, reference: Reference, digest: string): string {
  return reference.kind === "registry" ? `${reference.host}/${reference.repository}@${digest}` : `${uri}@${digest}`;
}
