import type { FunctionUrlRecord, Registry, Scope } from "../../registry/index.ts";

/** A function URL, and the function or alias behind it. */
export interface UrlPlace extends Scope {
  readonly name: string;
  /** an alias; undefined: `$LATEST` */
  readonly qualifier: string | undefined;
  readonly record: FunctionUrlRecord;
}

/**
 * Function URLs by their ids. The registry keeps them by function: what was found once is remembered, and looked at again each
 * time, for a URL may have been changed or deleted.
 */
export function createUrls({ urls }: Pick<Registry, "urls">): (id: string) => UrlPlace | undefined {
  const places = new Map<string, Scope & { readonly name: string; readonly place: string }>();

  return (id) => {
    let known = places.get(id);
    let record = known === undefined ? undefined : urls.get(known, known.name, known.place);
    if (record?.urlId !== id) {
      places.clear();
      for (const { document, account, region, name, qualifier } of urls.everything()) {
        places.set(document.urlId, { account, region, name, place: qualifier });
      }
      known = places.get(id);
      record = known === undefined ? undefined : urls.get(known, known.name, known.place);
    }
    if (known === undefined || record === undefined) return undefined;
    const { account, region, name, place } = known;
    return { account, region, name, qualifier: place === "$LATEST" ? undefined : place, record };
  };
}
