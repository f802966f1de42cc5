import { type Answer, RegistryError } from "./errors.ts";

/** Source: distribution-spec, "Listing Tags": `n` at most, after `last`. */
export function paged(
  path: string,
  names: readonly string[],
  query: URLSearchParams,
  view: (names: readonly string[]) => object,
): Answer {
  const last = query.get("last") ?? "";
  const count = Number(query.get("n") ?? "1000");
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new RegistryError("PAGINATION_NUMBER_INVALID", 400, "n is no number of names");
  }
  const rest = names.filter((name) => name > last);
  const shown = rest.slice(0, count);
  const more = shown.length < rest.length && shown.length > 0;
  const next = new URLSearchParams({ n: String(count), last: shown.at(-1) ?? "" });
  return { json: view(shown), headers: more ? { link: `<${path}?${next}>; rel="next"` } : {} };
}
