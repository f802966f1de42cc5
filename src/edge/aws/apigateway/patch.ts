import type { Shape } from "../../lambda-api/model.ts";
import { bad, type Patches, type PatchOperation } from "./context.ts";
import { serviceModel } from "./model.ts";

/**
 * A document after patches, each of its values in the type that the model gives it. `shape`: the document's; `fixed`: members that are
 * nobody's to change. Throws BadRequestException. Source: API Gateway API Reference, "PatchOperation"; RFC 6902, 6901.
 */
export function patched<T extends object>(
  shape: string,
  document: T,
  { patchOperations = [] }: Patches,
  fixed: readonly string[] = [],
): T {
  let changed: unknown = document;
  for (const operation of patchOperations) {
    const path = pathOf(operation);
    if (path.length === 0 || fixed.includes(path[0]!)) throw unsupported(operation);
    changed = changedAt(shape, changed, path, operation);
  }
  return changed as T;
}

/** The parts of a patch's path, unescaped. */
export function pathOf({ path = "" }: PatchOperation): string[] {
  return path
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

export const unsupported = ({ op = "", path = "" }: PatchOperation) =>
  bad(`Invalid patch path '${path}' specified for op '${op}'. Please choose supported operations`);

function changedAt(name: string, value: unknown, path: readonly string[], operation: PatchOperation): unknown {
  const shape = serviceModel().shapes[name]!;
  const [first, ...rest] = path;
  if (shape.type === "list") return changedList(shape, (value ?? []) as unknown[], first, rest, operation);
  if (first === undefined) {
    if (operation.op === "remove") return undefined;
    if (operation.op !== "replace" && operation.op !== "add") throw unsupported(operation);
    return scalarOf(shape, operation);
  }
  const inner =
    shape.type === "map"
      ? shape.value!.shape
      : shape.members !== undefined && Object.hasOwn(shape.members, first)
        ? shape.members[first]!.shape
        : undefined;
  if (inner === undefined) throw unsupported(operation);
  const table = (value ?? {}) as Readonly<Record<string, unknown>>;
  const changed = changedAt(inner, Object.hasOwn(table, first) ? table[first] : undefined, rest, operation);
  const { [first]: _old, ...others } = table;
  return changed === undefined ? others : { ...others, [first]: changed };
}

/** An element is named by the path or by the value; `replace` of a list without an index puts one of values, separated by commas. */
function changedList(
  shape: Shape,
  list: readonly unknown[],
  first: string | undefined,
  rest: readonly string[],
  operation: PatchOperation,
): unknown[] {
  const { op, value } = operation;
  const element = serviceModel().shapes[shape.member!.shape]!;
  if (element.type === "structure" || rest.length > 0) throw unsupported(operation);
  const index = first === undefined ? -1 : /^\d+$/.test(first) ? Number(first) : list.indexOf(first);
  const named = first === undefined || /^\d+$/.test(first) ? value : first;
  if (op === "remove") return list.filter((one, at) => (first === undefined ? one !== value : at !== index));
  if (named === undefined) throw unsupported(operation);
  if (op === "add") return list.includes(named) ? [...list] : [...list, named];
  if (op !== "replace") throw unsupported(operation);
  if (first === undefined) return named === "" ? [] : named.split(",").map((one) => one.trim());
  if (index === -1 || index >= list.length) return list.length === 0 ? [value ?? named] : [...list, value ?? named];
  return list.map((one, at) => (at === index ? (value ?? named) : one));
}

/** Every value of a patch is text. */
function scalarOf({ type, enum: values }: Shape, operation: PatchOperation): unknown {
  const { value = "", path = "" } = operation;
  const invalid = () => bad(`Invalid patch value '${value}' specified for path '${path}'`);
  if (type === "boolean") {
    if (!/^(true|false)$/i.test(value)) throw invalid();
    return value.toLowerCase() === "true";
  }
  if (type === "integer" || type === "long" || type === "double") {
    if (value === "") return undefined;
    const number = Number(value);
    if (!Number.isFinite(number) || (type !== "double" && !Number.isInteger(number))) throw invalid();
    return number;
  }
  if (type !== "string") throw unsupported(operation);
  if (values !== undefined && !values.includes(value)) throw invalid();
  return value;
}
