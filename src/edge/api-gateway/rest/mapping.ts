import { isDocument } from "../../proxy/result-2.ts";
import { contextOf, methodValue } from "./context.ts";
import type { RestExchange } from "./to-event.ts";

/**
 * A mapping template, as far as it is made of these alone: `$input.body`, `$input.json('$.a.b')`, `$input.path('$.a')`,
 * `$input.params('x')`, `$context.x`, `$stageVariables.x`. Undefined: it is a program (VTL), which is not run here.
 * Source: API Gateway Developer Guide, "Mapping template transformations".
 */
export function mappedBody(template: string, call: RestExchange, body: string): string | undefined {
  if (/(?:^|[^\w&"'(=/-])#\w|#(?:set|if|foreach|end|else)\b|\$util\b|\$!|\$\{?[a-z]\w*\s*=/.test(template))
    return undefined;
  let document: unknown;
  try {
    document = body === "" ? {} : JSON.parse(body);
  } catch {
    document = undefined;
  }
  let unknown = false;
  const text = template.replace(reference, (_whole, ...groups: (string | undefined)[]) => {
    const [open, whole, how, argument = "", table, name = "", close = ""] = groups;
    // A brace behind a reference is its own only where one stands before it.
    const behind = open === undefined ? close : "";
    if (whole !== undefined) return body + behind;
    if (table === "context") return (contextOf(call.arrival, name) ?? "") + behind;
    if (table === "stageVariables") return (call.arrival.stage.variables?.[name] ?? "") + behind;
    if (how === "params") return parameter(call, argument) + behind;
    if (how === undefined) {
      unknown = true;
      return "";
    }
    const part = partOf(document, argument);
    if (how === "json") return (JSON.stringify(part) ?? '""') + behind;
    return (typeof part === "object" ? JSON.stringify(part) : String(part ?? "")) + behind;
  });
  return unknown ? undefined : text;
}

const reference =
  /\$(\{)?(?:input\.(body)|input\.(json|path|params)\(\s*['"]([^'"]*)['"]\s*\)|(context|stageVariables)\.(\w+(?:\.\w+)*))(\})?|\$\{?[a-zA-Z]\w*/g;

/** A parameter by its name alone: of the path, else of the query, else a header. */
function parameter({ arrival, selected }: RestExchange, name: string): string {
  const value = (place: string) => methodValue(arrival, selected.pathParameters, `method.request.${place}.${name}`);
  return value("path") ?? value("querystring") ?? value("header") ?? "";
}

/** `$`, `$.a.b[0]` */
export function partOf(document: unknown, path: string): unknown {
  let part = document;
  for (const [, name, index] of path.matchAll(/\.([\w-]+)|\[(\d+)\]|\['([^']+)'\]/g)) {
    if (index !== undefined) part = Array.isArray(part) ? part[Number(index)] : undefined;
    else part = isDocument(part) && Object.hasOwn(part, name ?? "") ? part[name ?? ""] : undefined;
  }
  return part;
}

/** The template for a content type; undefined: none fits. */
export function templateFor(templates: Readonly<Record<string, string>> | undefined, type: string): string | undefined {
  const bare = type.split(";")[0]?.trim().toLowerCase() || "application/json";
  return Object.entries(templates ?? {}).find(([known]) => known.toLowerCase() === bare)?.[1];
}
