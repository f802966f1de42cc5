import { isMapping, type Mapping } from "../templates/index.ts";
import { invalid } from "./failure.ts";
import type { Template } from "./template.ts";

/** The type of a parameter whose value is the name of one of Systems Manager's: what that one is. */
export const ssmType = (type: unknown): string | undefined =>
  /^AWS::SSM::Parameter::Value<(.+)>$/.exec(String(type))?.[1];

/** The texts that parameters have: given ones before defaults. Throws ValidationError. */
export function parameterTexts(template: Template, given: Readonly<Record<string, string>>): Record<string, string> {
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(template.parameters, name));
  if (unknown.length > 0) throw invalid(`Parameters: [${unknown.join(", ")}] do not exist in the template`);
  const texts: Record<string, string> = {};
  const missing: string[] = [];
  for (const [name, declaration] of Object.entries(template.parameters)) {
    const text = given[name] ?? textOf(declaration.Default);
    if (text === undefined) missing.push(name);
    else texts[name] = text;
  }
  if (missing.length > 0) throw invalid(`Parameters: [${missing.join(", ")}] must have values`);
  for (const [name, text] of Object.entries(texts)) check(name, text, template.parameters[name]!);
  return texts;
}

/** Their values, as Ref gives them. `resolved`: of those of Systems Manager. */
export function parameterValues(
  template: Template,
  texts: Readonly<Record<string, string>>,
  resolved: Readonly<Record<string, string>>,
): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const [name, declaration] of Object.entries(template.parameters)) {
    const within = ssmType(declaration.Type);
    const text = within === undefined ? texts[name] : resolved[name];
    values.set(name, text === undefined ? "" : typed(text, within ?? String(declaration.Type)));
  }
  return values;
}

const typed = (text: string, type: string): unknown =>
  type === "CommaDelimitedList" || type.startsWith("List<") ? text.split(",").map((item) => item.trim()) : text;

function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return Array.isArray(value) ? value.join(",") : String(value);
}

/** Source: CloudFormation User Guide, "Parameters section syntax reference". Throws ValidationError. */
function check(name: string, text: string, declaration: Mapping): void {
  const fail = (message: string): never => {
    const { ConstraintDescription } = declaration;
    throw invalid(
      ConstraintDescription === undefined
        ? `Parameter '${name}' ${message}`
        : `Parameter ${name} failed to satisfy constraint: ${String(ConstraintDescription)}`,
    );
  };
  const { AllowedValues, AllowedPattern, MinLength, MaxLength, MinValue, MaxValue, Type } = declaration;
  const items = Type === "CommaDelimitedList" ? text.split(",").map((item) => item.trim()) : [text];
  for (const item of items) {
    if (Array.isArray(AllowedValues) && !AllowedValues.map(String).includes(item)) {
      fail(`must be one of AllowedValues`);
    }
    if (AllowedPattern !== undefined && !matches(String(AllowedPattern), item))
      fail(`must match pattern ${String(AllowedPattern)}`);
  }
  if (MinLength !== undefined && text.length < Number(MinLength))
    fail(`must contain at least ${String(MinLength)} characters`);
  if (MaxLength !== undefined && text.length > Number(MaxLength))
    fail(`must contain at most ${String(MaxLength)} characters`);
  if (Type !== "Number") return;
  const number = Number(text);
  if (text.trim() === "" || Number.isNaN(number)) fail("must be a number");
  if (MinValue !== undefined && number < Number(MinValue)) fail(`must be a number not less than ${String(MinValue)}`);
  if (MaxValue !== undefined && number > Number(MaxValue))
    fail(`must be a number not greater than ${String(MaxValue)}`);
}

/** Java's regular expressions are not all JavaScript's: what cannot be read lets everything through. */
function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`, "u").test(text);
  } catch {
    return true;
  }
}

export const isNoEcho = (declaration: Mapping | undefined): boolean =>
  isMapping(declaration) && (declaration.NoEcho === true || declaration.NoEcho === "true");
