import { Faulty } from "./answers.ts";
import type { RestArrival } from "./arrival.ts";
import { methodValue } from "./context.ts";
import type { RestDefinition } from "./records.ts";
import { isValid } from "./schema.ts";
import type { SelectedMethod } from "./select.ts";

/**
 * Holds a request to what its method's validator asks for. Throws Faulty.
 * Source: API Gateway Developer Guide, "Request validation for REST APIs in API Gateway".
 */
export function checkRequest(arrival: RestArrival, { method, pathParameters }: SelectedMethod, body: Buffer): void {
  const { validators, models } = arrival.definition;
  const id = method.requestValidatorId ?? "";
  const validator = Object.hasOwn(validators, id) ? validators[id] : undefined;
  if (validator === undefined) return;
  if (validator.validateRequestParameters) {
    const missing = Object.entries(method.requestParameters ?? {})
      .filter(([name, required]) => required && (methodValue(arrival, pathParameters, name) ?? "") === "")
      .map(([name]) => name.split(".").slice(3).join("."));
    if (missing.length > 0) {
      throw new Faulty("BAD_REQUEST_PARAMETERS", `Missing required request parameters: [${missing.join(", ")}]`);
    }
  }
  if (!validator.validateRequestBody) return;
  const [type = "application/json"] = (arrival.parts.headers.get("content-type")?.[0] ?? "application/json").split(";");
  const given = method.requestModels ?? {};
  const name = Object.entries(given).find(([known]) => known.toLowerCase() === type.trim().toLowerCase())?.[1];
  const model = name !== undefined && Object.hasOwn(models, name) ? models[name] : undefined;
  if (model?.schema === undefined) return;
  if (!isFitting(models, model.schema, body)) throw new Faulty("BAD_REQUEST_BODY");
}

function isFitting(models: RestDefinition["models"], schema: string, body: Buffer): boolean {
  let value: unknown;
  let root: unknown;
  try {
    root = JSON.parse(schema);
    value = JSON.parse(body.toString("utf8"));
  } catch {
    return false;
  }
  return isValid(root, value, (reference) => {
    // Other models by their URL or as definitions (of an imported document), or a part of the schema itself.
    const name = /\/(?:models|definitions|schemas)\/([A-Za-z0-9]+)$/.exec(reference)?.[1] ?? "";
    const local = reference.startsWith("#/") ? partOf(root, reference) : undefined;
    return local ?? (Object.hasOwn(models, name) ? JSON.parse(models[name]?.schema ?? "{}") : undefined);
  });
}

function partOf(root: unknown, reference: string): unknown {
  let part = root;
  for (const name of reference.slice(2).split("/")) {
    if (typeof part !== "object" || part === null || !Object.hasOwn(part, name)) return undefined;
    part = (part as Record<string, unknown>)[name];
  }
  return part;
}
