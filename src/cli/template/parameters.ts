import { type Findings, isMapping, type Mapping, type TemplateDocument, Unresolved } from "../../templates/index.ts";

/** The values of a template's Parameters, given ones before defaults. */
export function readParameters(
  document: TemplateDocument,
  given: Readonly<Record<string, string>>,
  findings: Findings,
): Map<string, unknown> {
  const { root, positions } = document;
  const declared = isMapping(root.Parameters) ? root.Parameters : {};
  const values = new Map<string, unknown>();
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(declared, name)) continue;
    const known = Object.keys(declared).join(", ") || "none";
    findings.fail(0, "", `--parameter ${name}: the template has no such parameter (it has: ${known})`);
  }
  for (const [name, declaration] of Object.entries(declared)) {
    const line = positions.line(declared, name) ?? 0;
    const path = `Parameters.${name}`;
    if (!isMapping(declaration)) {
      findings.fail(line, path, "must be a mapping with a Type");
      continue;
    }
    const text = given[name] ?? textOf(declaration.Default);
    if (text === undefined) {
      findings.fail(line, path, `has no Default and no value was given (add --parameter ${name}=VALUE)`);
      // so that what uses it does not complain as well
      values.set(name, "");
      continue;
    }
    check(name, text, declaration, (message) => findings.fail(line, path, message));
    values.set(name, typed(name, text, String(declaration.Type ?? "String")));
  }
  return values;
}

function textOf(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : String(value);
}

function typed(name: string, text: string, type: string): unknown {
  if (type.startsWith("AWS::SSM::Parameter::")) {
    return new Unresolved(`parameter ${name} is read from Systems Manager, which is not built yet`);
  }
  if (type === "CommaDelimitedList" || type.startsWith("List<")) return text.split(",").map((item) => item.trim());
  return text;
}

/** The constraints of a parameter. Source: CloudFormation User Guide, "Parameters section syntax reference". */
function check(name: string, text: string, declaration: Mapping, fail: (message: string) => void): void {
  const shown = declaration.NoEcho === true || declaration.NoEcho === "true" ? "****" : JSON.stringify(text);
  const says = declaration.ConstraintDescription === undefined ? "" : ` (${declaration.ConstraintDescription})`;
  const allowed = Array.isArray(declaration.AllowedValues) ? declaration.AllowedValues.map(String) : undefined;
  if (allowed !== undefined && !allowed.includes(text)) fail(`${shown} is not one of ${allowed.join(", ")}${says}`);
  if (declaration.AllowedPattern !== undefined && !matches(String(declaration.AllowedPattern), text)) {
    fail(`${shown} does not match ${declaration.AllowedPattern}${says}`);
  }
  const within = (value: number, min: unknown, max: unknown, what: string): void => {
    if (min !== undefined && value < Number(min)) fail(`${shown} has ${what} below ${min}${says}`);
    if (max !== undefined && value > Number(max)) fail(`${shown} has ${what} above ${max}${says}`);
  };
  within(text.length, declaration.MinLength, declaration.MaxLength, "a length");
  if (declaration.Type === "Number") {
    if (text.trim() === "" || Number.isNaN(Number(text))) fail(`${shown} is not a number (Type of ${name})`);
    else within(Number(text), declaration.MinValue, declaration.MaxValue, "a value");
  }
}

function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`).test(text);
  } catch {
    // Java's regular expressions are not all JavaScript's: AWS will judge
    return true;
  }
}
