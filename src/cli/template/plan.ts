import type { Finding } from "../../templates/index.ts";
import type { Settings } from "../lambda.ts";

/** Where code comes from: a folder or archive beside the template, or text inside it. */
export type CodeSource =
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "inline"; readonly file: string; readonly text: string };

interface Step {
  readonly logicalId: string;
  readonly line: number;
}

/** Values may hold tokens (tokens.ts) of steps that come before. */
export interface FunctionStep extends Step {
  readonly kind: "function";
  readonly name: string;
  readonly settings: Settings;
  readonly tags: Readonly<Record<string, string>>;
  readonly code: CodeSource;
  /** `exact: false`: as much of it as the account has, since AWS knows no property of the name it was given under */
  readonly reserved:
    | { readonly value: number; readonly exact: boolean; readonly path: string; readonly line: number }
    | undefined;
  /** AutoPublishAlias */
  readonly publish: { readonly alias: string; readonly description: string | undefined } | undefined;
}

export interface LayerStep extends Step {
  readonly kind: "layer";
  readonly name: string;
  readonly settings: Settings;
  readonly content: CodeSource;
}

export interface VersionStep extends Step {
  readonly kind: "version";
  readonly functionName: string;
  readonly description: string | undefined;
}

export interface AliasStep extends Step {
  readonly kind: "alias";
  readonly functionName: string;
  readonly name: string;
  readonly settings: Settings;
}

export type PlannedStep = FunctionStep | LayerStep | VersionStep | AliasStep;

/** What a template comes to. With an error among the findings nothing may be deployed. */
export interface Plan {
  /** in an order in which each finds what it needs */
  readonly steps: readonly PlannedStep[];
  /** evaluated Outputs; tokens as above */
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly findings: readonly Finding[];
}
