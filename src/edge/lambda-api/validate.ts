import { ServiceError } from "../../model/index.ts";
import { allConstraints, brokenConstraints } from "./constraints.ts";
import type { Member, ServiceModel, Shape } from "./model.ts";

/** As much of a service's model as its requests are checked against. */
type Shapes = Pick<ServiceModel, "shapes">;

/**
 * Checks a request against the model and gives back its typed form: blobs decoded, unknown members left out, nulls taken
 * as absent. A wrong type is a SerializationException at once; broken constraints are all collected into one
 * ValidationException: `2 validation errors detected: Value '…' at 'memorySize' failed to satisfy constraint: …; …`.
 */
export function validate(model: Shapes, shapeName: string, input: unknown): Record<string, unknown> {
  const violations: string[] = [];
  const decoded = decode(model, model.shapes[shapeName]!, input, "", violations) as Record<string, unknown>;
  if (violations.length > 0) throw validationError(violations);
  return decoded;
}

/** ValidationException in AWS's words. */
export function validationError(violations: readonly string[]): ServiceError {
  const count = violations.length === 1 ? "1 validation error" : `${violations.length} validation errors`;
  return new ServiceError("ValidationException", `${count} detected: ${violations.join("; ")}`);
}

/** `Value '5' at 'timeout' failed to satisfy constraint: …`; the value of a secret is left out, as AWS does. */
export function violation(value: unknown, path: string, constraint: string, sensitive = false): string {
  const shown = sensitive ? "Value" : value === null ? "Value null" : `Value '${show(value)}'`;
  return `${shown} at '${path}' failed to satisfy constraint: ${constraint}`;
}

function decode(model: Shapes, shape: Shape, value: unknown, path: string, violations: string[]): unknown {
  switch (shape.type) {
    case "structure":
      return decodeStructure(model, shape, value, path, violations);
    case "list":
      return decodeList(model, shape, value, path, violations);
    case "map":
      return decodeMap(model, shape, value, path, violations);
    default: {
      const scalar = decodeScalar(shape, value);
      for (const text of brokenConstraints(shape, scalar)) {
        violations.push(violation(scalar, path, text, shape.sensitive));
      }
      return scalar;
    }
  }
}

function decodeStructure(model: Shapes, shape: Shape, value: unknown, path: string, violations: string[]) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw unexpected(value, "structure");
  const given = value as Record<string, unknown>;
  const decoded: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(shape.members ?? {})) {
    const here = path === "" ? lowerFirst(name) : `${path}.${lowerFirst(name)}`;
    const inner = Object.hasOwn(given, name) ? given[name] : undefined;
    if (inner !== undefined && inner !== null) {
      decoded[name] = decode(model, model.shapes[member.shape]!, inner, here, violations);
    } else if (shape.required?.includes(name)) {
      violations.push(violation(null, here, "Member must not be null"));
    }
  }
  return decoded;
}

function decodeList(model: Shapes, shape: Shape, value: unknown, path: string, violations: string[]) {
  if (!Array.isArray(value)) throw unexpected(value, "list");
  const element = elementShape(model, shape.member);
  const decoded = value.map((inner) => decodeElement(model, element, inner, path, violations));
  for (const text of brokenConstraints(shape, decoded)) violations.push(violation(decoded, path, text));
  // AWS speaks about the list when one of its elements is wrong, and names all that an element must be.
  if (element.type !== "structure" && decoded.some((inner) => brokenConstraints(element, inner).length > 0)) {
    const texts = [...allConstraints(element), "Member must not be null"].join(", ");
    violations.push(violation(decoded, path, `Member must satisfy constraint: [${texts}]`));
  }
  return decoded;
}

function decodeElement(model: Shapes, shape: Shape, value: unknown, path: string, violations: string[]): unknown {
  return shape.type === "structure" || shape.type === "list" || shape.type === "map"
    ? decode(model, shape, value, `${path}.member`, violations)
    : decodeScalar(shape, value);
}

function decodeMap(model: Shapes, shape: Shape, value: unknown, path: string, violations: string[]) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw unexpected(value, "map");
  const keyShape = elementShape(model, shape.key);
  const valueShape = elementShape(model, shape.value);
  const decoded: Record<string, unknown> = Object.create(null);
  const shownDecoded: Record<string, unknown> = Object.create(null);
  const broken = { keys: false, values: false };
  for (const [key, inner] of Object.entries(value)) {
    if (inner === null) continue;
    broken.keys ||= brokenConstraints(keyShape, key).length > 0;
    const item = decodeElement(model, valueShape, inner, path, violations);
    shownDecoded[key] = valueShape.type === "double" ? javaDouble(item) : item;
    if (valueShape.type !== "structure") broken.values ||= brokenConstraints(valueShape, item).length > 0;
    decoded[key] = item;
  }
  const whole = { ...decoded };
  const shownWhole = { ...shownDecoded };
  for (const text of brokenConstraints(shape, whole)) {
    violations.push(violation(shownWhole, path, text, shape.sensitive));
  }
  const about = (part: string, element: Shape) =>
    violation(
      shownWhole,
      path,
      `Map ${part} must satisfy constraint: [${[...allConstraints(element), "Member must not be null"].join(", ")}]`,
      shape.sensitive,
    );
  if (broken.keys) violations.push(about("keys", keyShape));
  if (broken.values) violations.push(about("value", valueShape));
  return whole;
}

/** `2` as Java prints a double: `2.0` */
const javaDouble = (value: unknown): unknown => (Number.isInteger(value) ? `${value}.0` : value);

const elementShape = (model: Shapes, member: Member | undefined): Shape => model.shapes[member!.shape]!;

function decodeScalar(shape: Shape, value: unknown): unknown {
  switch (shape.type) {
    case "string":
      if (typeof value === "string") return value;
      throw unexpected(value, "a String");
    case "boolean":
      if (typeof value === "boolean") return value;
      throw unexpected(value, "a Boolean");
    case "integer":
      if (Number.isInteger(value) && Math.abs(Number(value)) <= 2 ** 31) return value;
      throw unexpected(value, "an Integer");
    case "long":
      if (Number.isSafeInteger(value)) return value;
      throw unexpected(value, "a Long");
    case "double":
    case "timestamp":
      if (typeof value === "number") return value;
      throw unexpected(value, "a Double");
    default:
      if (Buffer.isBuffer(value)) return value;
      if (typeof value === "string") return decodeBase64(value);
      throw unexpected(value, "a Blob");
  }
}

/**
 * Buffer.from forgives everything, but a damaged upload must not be taken for a smaller one. To encode again and compare is
 * ten times as fast as a pattern, which decides only of what differs: the last character may have bits that mean nothing.
 */
function decodeBase64(text: string): Buffer {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") === text) return bytes;
  if (text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)) return bytes;
  throw unexpected(text, "a Blob");
}

function unexpected(value: unknown, wanted: string): ServiceError {
  if (wanted === "structure" || wanted === "map" || wanted === "list") {
    return new ServiceError("SerializationException", "Unexpected field type");
  }
  if (typeof value === "object" && value !== null) {
    const start = Array.isArray(value) ? "Start of list" : "Start of structure or map";
    return new ServiceError("SerializationException", `${start} found where not expected.`);
  }
  const token = value === null ? "NULL" : typeof value === "boolean" ? String(value).toUpperCase() : typeof value;
  return new ServiceError("SerializationException", `${token.toUpperCase()}_VALUE can not be converted to ${wanted}`);
}

const lowerFirst = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);

/** As Java prints it; never more than a screenful. */
function show(value: unknown): string {
  const text = shown(value);
  return text.length > 1000 ? `${text.slice(0, 1000)}...` : text;
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return `[${value.slice(0, 100).map(shown).join(", ")}]`;
  if (Buffer.isBuffer(value)) return `java.nio.HeapByteBuffer[pos=0 lim=${value.length} cap=${value.length}]`;
  if (typeof value === "object" && value !== null) {
    const pairs = Object.entries(value).slice(0, 100);
    return `{${pairs.map(([key, inner]) => `${key}=${shown(inner)}`).join(", ")}}`;
  }
  return String(value);
}
