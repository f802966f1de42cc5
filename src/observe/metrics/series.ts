export interface Dimension {
  readonly name: string;
  readonly value: string;
}

/** What values belong together: one metric with one set of dimensions, in one unit. */
export interface Series {
  readonly account: string;
  readonly region: string;
  readonly namespace: string;
  readonly name: string;
  /** in the order of their names */
  readonly dimensions: readonly Dimension[];
  /** as CloudWatch names it: `Count`, `Milliseconds`, `None` … */
  readonly unit: string;
}

export const byName = (dimensions: readonly Dimension[]): Dimension[] =>
  [...dimensions].sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0));

/** Tells a series from all others. */
export function keyOf({ account, region, namespace, name, dimensions, unit }: Series): string {
  const pairs = dimensions.map((one) => [one.name, one.value]);
  return JSON.stringify([account, region, namespace, name, pairs, unit]);
}

/** What functions and clients cannot write to. */
export const platformNamespace = /^(?:AWS|Thaw)\//;
