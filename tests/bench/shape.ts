/** What a JSON value must look like: a type's name (`?` at its end: it may be absent), a list of one shape, or an object's members. */
export type Shape = string | readonly [Shape] | { readonly [name: string]: Shape };

/**
 * Every place where a value is not of its shape, in words; empty: it conforms. A number must be finite. Members that the
 * shape does not name are misfits too, so that a document cannot grow unnoticed.
 */
export function misfits(value: unknown, shape: Shape, at = "$"): string[] {
  if (typeof shape === "string") {
    if (value === undefined && shape.endsWith("?")) return [];
    const wanted = shape.replace("?", "");
    const fits = wanted === "number" ? Number.isFinite(value) : typeof value === wanted;
    return fits ? [] : [`${at}: ${JSON.stringify(value)} is no ${wanted}`];
  }
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return [`${at} is no list`];
    return value.flatMap((one, i) => misfits(one, shape[0] as Shape, `${at}[${i}]`));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [`${at} is no object`];
  const members = shape as { readonly [name: string]: Shape };
  const unknown = Object.keys(value).filter((name) => !(name in members));
  return [
    ...unknown.map((name) => `${at}.${name} is not known`),
    ...Object.entries(members).flatMap(([name, inner]) =>
      misfits((value as Record<string, unknown>)[name], inner, `${at}.${name}`),
    ),
  ];
}
