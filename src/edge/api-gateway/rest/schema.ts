import { isDocument } from "../../proxy/result-2.ts";
import { fits } from "./pattern.ts";

/** What `$ref` names; undefined: nothing. */
export type Referred = (reference: string) => unknown;

const deepest = 50;

/**
 * Is a value what a JSON schema (draft 4) says? Words that are not known here ask for nothing. Source: JSON Schema Validation, draft 4;
 * API Gateway Developer Guide, "Data models for REST APIs".
 */
export function isValid(schema: unknown, value: unknown, referred: Referred, depth = 0): boolean {
  if (!isDocument(schema) || depth > deepest) return true;
  const sub = (inner: unknown, of: unknown) => isValid(inner, of, referred, depth + 1);
  if (typeof schema.$ref === "string") return sub(referred(schema.$ref), value);
  const list = (name: string) => (Array.isArray(schema[name]) ? (schema[name] as unknown[]) : undefined);
  if (schema.type !== undefined && ![schema.type].flat().some((type) => isOfType(type, value))) return false;
  if (list("enum")?.some((one) => isSame(one, value)) === false) return false;
  if (list("allOf")?.every((one) => sub(one, value)) === false) return false;
  if (list("anyOf")?.some((one) => sub(one, value)) === false) return false;
  const one = list("oneOf");
  if (one !== undefined && one.filter((each) => sub(each, value)).length !== 1) return false;
  if (schema.not !== undefined && sub(schema.not, value)) return false;
  if (typeof value === "string") return isText(schema, value);
  if (typeof value === "number") return isNumber(schema, value);
  if (Array.isArray(value)) return isList(schema, value, sub);
  return isDocument(value) ? isTable(schema, value, sub) : true;
}

type Schema = Readonly<Record<string, unknown>>;
type Sub = (schema: unknown, value: unknown) => boolean;

function isOfType(type: unknown, value: unknown): boolean {
  switch (type) {
    case "object":
      return isDocument(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    case "null":
      return value === null;
    case "string":
    case "number":
    case "boolean":
      return typeof value === type;
    default:
      return true;
  }
}

function isText({ minLength, maxLength, pattern }: Schema, value: string): boolean {
  if (typeof minLength === "number" && value.length < minLength) return false;
  if (typeof maxLength === "number" && value.length > maxLength) return false;
  return typeof pattern !== "string" || fits(pattern, value);
}

function isNumber(schema: Schema, value: number): boolean {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (typeof minimum === "number" && (exclusiveMinimum === true ? value <= minimum : value < minimum)) return false;
  if (typeof maximum === "number" && (exclusiveMaximum === true ? value >= maximum : value > maximum)) return false;
  return typeof multipleOf !== "number" || multipleOf <= 0 || Number.isInteger(value / multipleOf);
}

function isList({ items, minItems, maxItems, uniqueItems }: Schema, value: readonly unknown[], sub: Sub): boolean {
  if (typeof minItems === "number" && value.length < minItems) return false;
  if (typeof maxItems === "number" && value.length > maxItems) return false;
  if (uniqueItems === true && new Set(value.map((one) => JSON.stringify(one))).size !== value.length) return false;
  if (Array.isArray(items)) return items.every((item, index) => index >= value.length || sub(item, value[index]));
  return items === undefined || value.every((one) => sub(items, one));
}

function isTable(schema: Schema, value: Readonly<Record<string, unknown>>, sub: Sub): boolean {
  const { required, minProperties, maxProperties, additionalProperties: more } = schema;
  const properties = isDocument(schema.properties) ? schema.properties : {};
  const patterns = Object.entries(isDocument(schema.patternProperties) ? schema.patternProperties : {});
  const names = Object.keys(value);
  if (Array.isArray(required) && required.some((name) => !Object.hasOwn(value, String(name)))) return false;
  if (typeof minProperties === "number" && names.length < minProperties) return false;
  if (typeof maxProperties === "number" && names.length > maxProperties) return false;
  return names.every((name) => {
    const fitting = patterns.filter(([pattern]) => fits(pattern, name)).map(([, inner]) => inner);
    if (Object.hasOwn(properties, name)) fitting.push(properties[name]);
    if (fitting.length > 0) return fitting.every((inner) => sub(inner, value[name]));
    return more === undefined || more === true || (more !== false && sub(more, value[name]));
  });
}

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
