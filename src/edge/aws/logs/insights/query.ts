/** An expression as it was written, for the name of its column, and what it stands for. */
export type Expression = { readonly text: string } & (
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "literal"; readonly value: string | number }
  /** milliseconds: of `bin(5m)` */
  | { readonly kind: "span"; readonly amount: number; readonly unit: string }
  /** `*` of count(*) */
  | { readonly kind: "all" }
  | { readonly kind: "call"; readonly name: string; readonly given: readonly Expression[] }
  | { readonly kind: "not" | "minus"; readonly of: Expression }
  | { readonly kind: "binary"; readonly sign: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "matches"; readonly of: Expression; readonly pattern: RegExp }
  | { readonly kind: "contains"; readonly of: Expression; readonly part: Expression }
  | { readonly kind: "in"; readonly of: Expression; readonly list: readonly Expression[] }
);

export interface Column {
  readonly name: string;
  readonly of: Expression;
}

export type Command =
  | { readonly kind: "fields" | "display"; readonly columns: readonly Column[] }
  | { readonly kind: "filter"; readonly condition: Expression }
  | { readonly kind: "parse"; readonly of: Expression; readonly pattern: RegExp; readonly names: readonly string[] }
  | { readonly kind: "stats"; readonly columns: readonly Column[]; readonly by: readonly Column[] }
  | { readonly kind: "sort"; readonly by: readonly { readonly of: Expression; readonly descending: boolean }[] }
  | { readonly kind: "limit"; readonly most: number }
  | { readonly kind: "dedup"; readonly by: readonly Expression[] };

export type Query = readonly Command[];
