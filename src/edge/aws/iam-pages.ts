import { integer, QueryError } from "./action.ts";
import type { Xml } from "./xml.ts";

/**
 * One page of a list in its order: at most MaxItems (100 unless told), behind the item that Marker names.
 * Source: IAM API Reference, "ListUsers": Marker, MaxItems, IsTruncated.
 */
export function pageOf<T>(
  fields: URLSearchParams,
  items: readonly T[],
  nameOf: (item: T) => string,
): { readonly items: readonly T[]; readonly end: { readonly IsTruncated: boolean; readonly Marker?: string } } {
  const most = integer(fields, "MaxItems", 1, 1000, 100);
  const marker = fields.get("Marker");
  const after = marker === null ? undefined : Buffer.from(marker, "base64url").toString("utf8");
  const known = after === undefined ? -1 : items.findIndex((item) => nameOf(item) === after);
  if (after !== undefined && known === -1) {
    throw new QueryError(400, "ValidationError", `Invalid Marker ${marker}`);
  }
  const shown = items.slice(known + 1, known + 1 + most);
  const last = shown.at(-1);
  const truncated = known + 1 + most < items.length && last !== undefined;
  const end = truncated
    ? { IsTruncated: true, Marker: Buffer.from(nameOf(last)).toString("base64url") }
    : { IsTruncated: false };
  return { items: shown, end };
}

/** The page's items under a name, and how it ends. */
export function paged<T>(
  fields: URLSearchParams,
  member: string,
  items: readonly T[],
  nameOf: (item: T) => string,
  view: (item: T) => Xml,
): Xml {
  const page = pageOf(fields, items, nameOf);
  return { [member]: page.items.map(view), ...page.end };
}
