import { isDocument, parsed } from "../../proxy/result-2.ts";
import type { Definition, Route } from "../records.ts";

/** The route of this key; undefined: there is none. */
export function routeOf({ routes }: Definition, key: string): Route | undefined {
  return Object.values(routes).find(({ routeKey }) => routeKey === key);
}

/**
 * The route that a message is for: what the API's selection expression (`$request.body.action`, or several in `${…}`) makes of it,
 * else `$default`. Undefined: none. Source: API Gateway Developer Guide, "WebSocket selection expressions".
 */
export function messageRoute(
  definition: Definition,
  expression: string,
  body: Buffer,
  isBinary: boolean,
): Route | undefined {
  const document = isBinary ? undefined : parsed(body)?.value;
  const key = isDocument(document) ? evaluated(expression, document) : undefined;
  const isOwn = key !== undefined && key !== "$connect" && key !== "$disconnect";
  return (isOwn ? routeOf(definition, key) : undefined) ?? routeOf(definition, "$default");
}

function evaluated(expression: string, document: Readonly<Record<string, unknown>>): string | undefined {
  if (/^\$request\.body\./.test(expression)) return textAt(document, expression.slice("$request.body.".length));
  let missing = false;
  const text = expression.replace(/\$\{request\.body\.([^}]+)\}/g, (_whole, path: string) => {
    const value = textAt(document, path);
    missing ||= value === undefined;
    return value ?? "";
  });
  return missing ? undefined : text;
}

function textAt(document: Readonly<Record<string, unknown>>, path: string): string | undefined {
  let value: unknown = document;
  for (const name of path.split(".")) {
    value = isDocument(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : undefined;
}
