/** What a path of the registry is about. */
export interface Route {
  readonly kind: "base" | "catalog" | "manifest" | "blob" | "uploads" | "upload" | "tags";
  /** of the repository */
  readonly name: string;
  /** what the path ends in: a digest, a tag, an upload */
  readonly reference: string;
}

const paths: readonly [Route["kind"], RegExp][] = [
  ["base", /^\/v2\/?$/],
  ["catalog", /^\/v2\/_catalog$/],
  ["manifest", /^\/v2\/(.+)\/manifests\/([^/]+)$/],
  ["uploads", /^\/v2\/(.+)\/blobs\/uploads\/?$/],
  ["upload", /^\/v2\/(.+)\/blobs\/uploads\/([^/]+)$/],
  ["blob", /^\/v2\/(.+)\/blobs\/([^/]+)$/],
  ["tags", /^\/v2\/(.+)\/tags\/list$/],
];

/** Undefined: nothing of a registry. Source: distribution-spec, "Endpoints". */
export function routeOf(path: string): Route | undefined {
  for (const [kind, pattern] of paths) {
    const match = pattern.exec(path);
    if (match === null) continue;
    const reference = decoded(match[2] ?? "");
    return reference === undefined ? undefined : { kind, name: match[1] ?? "", reference };
  }
  return undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
