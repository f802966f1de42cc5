import type { Texts } from "../records.ts";

/** One change that an API makes to a request or an answer. */
interface Change {
  readonly how: "append" | "overwrite" | "remove";
  readonly where: "header" | "querystring" | "path" | "statuscode";
  readonly name: string;
  readonly value: string;
}

/** Headers and query of what is sent on, by name in the order they came; changed in place. */
export interface Changeable {
  readonly headers: Map<string, readonly string[]>;
  readonly query?: Map<string, readonly string[]>;
  path?: string | undefined;
  status?: number;
}

/** Headers that no mapping may touch: they are the gateway's own (Developer Guide, "Transform API requests and responses"). */
const reserved =
  /^(access-control-|apigw-|authorization$|connection$|content-(encoding|length|location)$|forwarded$|keep-alive$|origin$|proxy-authenticate$|te$|trailers?$|transfer-encoding$|upgrade$|x-amz-|x-amzn-|x-forwarded-for$|x-forwarded-host$|x-forwarded-proto$|via$)/;

/** Applies `append|overwrite|remove:header|querystring|path|statuscode.name` → value. `standsFor`: what `$request.header.x` and its like are. */
export function applyParameters(
  parameters: Texts | undefined,
  to: Changeable,
  standsFor: (expression: string) => string | undefined,
): void {
  for (const [key, expression] of Object.entries(parameters ?? {})) {
    const change = changeOf(key, expression, standsFor);
    if (change !== undefined) apply(change, to);
  }
}

function changeOf(key: string, expression: string, standsFor: (expression: string) => string | undefined) {
  const [, how = "", where = "", name = ""] =
    /^(append|overwrite|remove):(header|querystring|path|statuscode)(?:\.(.+))?$/.exec(key) ?? [];
  if (how === "") return undefined;
  const value = how === "remove" ? "" : filled(expression, standsFor);
  return value === undefined ? undefined : ({ how, where, name, value } as Change);
}

function apply({ how, where, name, value }: Change, to: Changeable): void {
  if (where === "path") to.path = value;
  else if (where === "statuscode") {
    if (/^[2-5]\d\d$/.test(value)) to.status = Number(value);
  } else {
    const header = name.toLowerCase();
    if (where === "header" && reserved.test(header)) return;
    const [table, key] = where === "header" ? [to.headers, header] : [to.query, name];
    if (table === undefined) return;
    if (how === "remove") table.delete(key);
    else table.set(key, how === "overwrite" ? [value] : [...(table.get(key) ?? []), value]);
  }
}

/** A text with `${request.header.x}` in it, or one expression. Undefined: an expression that stands for nothing. */
function filled(text: string, standsFor: (expression: string) => string | undefined): string | undefined {
  if (/^\$[a-z]/.test(text)) return standsFor(text);
  return text.replace(/\$\{([^}]+)\}/g, (_whole, inner: string) => standsFor(`$${inner}`) ?? "");
}
