/** Matchers that stand in a list beside plain values. Source: Developer Guide, "Filter rule syntax". */
const matchers: Readonly<Record<string, (operand: unknown) => boolean>> = {
  prefix: isText,
  suffix: isText,
  "equals-ignore-case": (operand) => typeof operand === "string",
  wildcard: isText,
  exists: (operand) => typeof operand === "boolean",
  numeric: isNumeric,
  "anything-but": isExcluded,
};

/** Is it a pattern that Lambda takes: an object of JSON whose leaves are lists of values and matchers? */
export function isFilterPattern(text: string): boolean {
  let pattern: unknown;
  try {
    pattern = JSON.parse(text);
  } catch {
    return false;
  }
  return isObject(pattern) && isPattern(pattern);
}

function isPattern(pattern: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(pattern).every(([name, value]) => {
    if (name === "$or")
      return Array.isArray(value) && value.length > 1 && value.every((one) => isObject(one) && isPattern(one));
    if (isObject(value)) return Object.keys(value).length > 0 && isPattern(value);
    return Array.isArray(value) && value.length > 0 && value.every(isLeaf);
  });
}

function isLeaf(value: unknown): boolean {
  if (!isObject(value)) return isPlain(value);
  const entries = Object.entries(value);
  const [name, operand] = entries[0] ?? [""];
  const takes = Object.hasOwn(matchers, name) ? matchers[name] : undefined;
  return entries.length === 1 && takes?.(operand) === true;
}

function isPlain(value: unknown): boolean {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

function isText(operand: unknown): boolean {
  return typeof operand === "string" && operand !== "";
}

function isExcluded(operand: unknown): boolean {
  if (Array.isArray(operand)) return operand.length > 0 && operand.every((one) => one !== null && isPlain(one));
  if (!isObject(operand)) return operand !== null && isPlain(operand);
  const [name, inner] = Object.entries(operand)[0] ?? [""];
  return Object.keys(operand).length === 1 && (name === "prefix" || name === "suffix") && isText(inner);
}

/** `["=", 5]` or `[">", 0, "<=", 100]` */
function isNumeric(operand: unknown): boolean {
  if (!Array.isArray(operand) || (operand.length !== 2 && operand.length !== 4)) return false;
  const [sign, low, otherSign, high] = operand;
  if (typeof low !== "number") return false;
  if (operand.length === 2) return ["=", "<", "<=", ">", ">="].includes(sign);
  return [">", ">="].includes(sign) && ["<", "<="].includes(otherSign) && typeof high === "number" && low < high;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
