/** A policy document, read. Lists are lists even where the document has a single value. */
export interface Policy {
  readonly version: "2008-10-17" | "2012-10-17";
  readonly id: string | undefined;
  readonly statements: readonly Statement[];
}

/** One statement. Of each pair (`actions`, `notActions`) at most one is there, as in the document. */
export interface Statement {
  readonly sid: string | undefined;
  readonly effect: "Allow" | "Deny";
  readonly principals: PrincipalNames | undefined;
  readonly notPrincipals: PrincipalNames | undefined;
  readonly actions: readonly string[] | undefined;
  readonly notActions: readonly string[] | undefined;
  readonly resources: readonly string[] | undefined;
  readonly notResources: readonly string[] | undefined;
  readonly conditions: readonly Condition[];
  /** `${…}` stands for a value of the request; only since version 2012-10-17 */
  readonly variables: boolean;
}

/** Whom a Principal element names: everybody, or names by type (`AWS`, `Service`, `Federated`, `CanonicalUser`). */
export type PrincipalNames = "*" | Readonly<Record<string, readonly string[]>>;

/** One line of a Condition element; all lines must hold. */
export interface Condition {
  /** `StringEquals`, without quantifier and IfExists */
  readonly operator: string;
  readonly quantifier: "ForAllValues" | "ForAnyValue" | undefined;
  readonly ifExists: boolean;
  /** as the document spells it; keys are compared without regard to case */
  readonly key: string;
  readonly values: readonly string[];
}

/** What is known about a request, by condition key in any case. A key that has no value is absent: undefined or left out. */
export type Context = Readonly<Record<string, string | readonly string[] | undefined>>;
