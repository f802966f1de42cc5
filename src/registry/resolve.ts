import { type FunctionVersion, ServiceError } from "../model/index.ts";
import { type AliasRecord, functionArn, type Scope } from "./records.ts";

/** Where one qualifier leads: always the same version, or by chance to one of several. */
export interface Route {
  readonly target: FunctionVersion;
  /** versions that take a share of an alias's invocations; undefined for all but weighted aliases */
  readonly shares: readonly { readonly target: FunctionVersion; readonly weight: number }[] | undefined;
}

/** An alias as a route over the versions' own. */
export function routeOf(alias: AliasRecord, versions: ReadonlyMap<string, Route>): Route | undefined {
  const primary = versions.get(alias.version);
  if (primary === undefined) return undefined;
  const shares = Object.entries(alias.weights ?? {}).flatMap(([version, weight]) => {
    const target = versions.get(version)?.target;
    return target === undefined || weight === 0 ? [] : [{ target, weight }];
  });
  return { target: primary.target, shares: shares.length > 0 ? shares : undefined };
}

/** `chance` is a number in [0, 1). */
export function choose(route: Route, chance: number): FunctionVersion {
  let passed = 0;
  for (const share of route.shares ?? []) {
    passed += share.weight;
    if (chance < passed) return share.target;
  }
  return route.target;
}

/** ResourceNotFoundException in Lambda's words. */
export function functionNotFound(scope: Scope, name: string, qualifier = "$LATEST"): ServiceError {
  const arn = functionArn(scope, name);
  return new ServiceError(
    "ResourceNotFoundException",
    `Function not found: ${qualifier === "$LATEST" ? arn : `${arn}:${qualifier}`}`,
  );
}

/** The same, naming `$LATEST` too where the client did. */
export function versionNotFound(scope: Scope, name: string, qualifier: string | undefined): ServiceError {
  if (qualifier !== "$LATEST") return functionNotFound(scope, name, qualifier);
  return new ServiceError("ResourceNotFoundException", `Function not found: ${functionArn(scope, name)}:$LATEST`);
}

/** ResourceNotFoundException in the words that Lambda has for aliases. */
export function aliasNotFound(scope: Scope, name: string, alias: string): ServiceError {
  return new ServiceError("ResourceNotFoundException", `Cannot find alias arn: ${functionArn(scope, name)}:${alias}`);
}
