import type { ListAliasesRequest } from "@aws-sdk/client-lambda";
import { aliasView } from "../aliases.ts";
import { functionRef, wholeFunction } from "../function-ref.ts";
import type { Operation } from "../operation.ts";
import { pageOf } from "../pages.ts";

/** GET /2015-03-31/functions/{FunctionName}/aliases, by name; with FunctionVersion those of one version. */
export const listAliases: Operation<ListAliasesRequest> = ({ input, scope, needs }) => {
  const ref = wholeFunction(functionRef(input.FunctionName ?? "", undefined, scope));
  const aliases = [...needs.registry.functions.get(ref, ref.name).aliases.values()]
    .filter((alias) => input.FunctionVersion === undefined || alias.version === input.FunctionVersion)
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  const { items, nextMarker } = pageOf(aliases, (alias) => alias.name, input.Marker, input.MaxItems);
  const listed = items.map((alias) => aliasView(ref, ref.name, alias));
  return { body: { Aliases: listed, ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }) } };
};
