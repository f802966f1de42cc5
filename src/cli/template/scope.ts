import { isMapping, type Mapping, type TemplateDocument } from "./document.ts";
import { evaluateCondition, noValue, type Scope, Unresolved } from "./evaluate.ts";
import type { Findings } from "./findings.ts";

/** What a template is deployed as. */
export interface Stack {
  readonly name: string;
  readonly account: string;
  readonly region: string;
  /** values given for Parameters */
  readonly parameters: Readonly<Record<string, string>>;
}

/** How resources answer Ref and GetAtt; undefined where there is no such resource. */
export interface Resources {
  reference(logicalId: string): unknown;
  attribute(logicalId: string, attribute: string): unknown;
}

/** Parameters, pseudo parameters, mappings and conditions of a template, ready to be looked up. */
export function createScope(document: TemplateDocument, stack: Stack, resources: Resources, findings: Findings): Scope {
  const { root, positions } = document;
  const parameters = readParameters(document, stack, findings);
  const conditions = isMapping(root.Conditions) ? root.Conditions : {};
  const mappings = isMapping(root.Mappings) ? root.Mappings : {};
  const decided = new Map<string, boolean | Unresolved>();
  const pseudo = pseudoParameters(stack);

  const scope: Scope = {
    positions,
    region: stack.region,
    reference(name) {
      if (pseudo.has(name)) return pseudo.get(name);
      if (parameters.has(name)) return parameters.get(name);
      return resources.reference(name) ?? new Unresolved(`there is no parameter or resource named ${name}`);
    },
    attribute: (logicalId, attribute) =>
      resources.attribute(logicalId, attribute) ?? new Unresolved(`there is no resource named ${logicalId}`),
    mapping(map, first, second) {
      const outer = Object.hasOwn(mappings, map) ? mappings[map] : undefined;
      const inner = isMapping(outer) && Object.hasOwn(outer, first) ? outer[first] : undefined;
      if (isMapping(inner) && Object.hasOwn(inner, second)) return inner[second];
      return new Unresolved(`Mappings has no ${map}.${first}.${second}`);
    },
    condition(name) {
      const known = decided.get(name);
      if (known !== undefined) return known;
      if (!Object.hasOwn(conditions, name)) return new Unresolved(`there is no condition named ${name}`);
      // stands until the real answer is there, so that a circle ends
      decided.set(name, new Unresolved(`condition ${name} depends on itself`));
      const answer = evaluateCondition(conditions[name], scope);
      decided.set(name, answer);
      return answer;
    },
  };
  return scope;
}

/** Source: CloudFormation User Guide, "Pseudo parameters reference". */
function pseudoParameters(stack: Stack): Map<string, unknown> {
  const { account, region, name } = stack;
  return new Map<string, unknown>([
    ["AWS::AccountId", account],
    ["AWS::Region", region],
    ["AWS::Partition", "aws"],
    ["AWS::URLSuffix", "amazonaws.com"],
    ["AWS::StackName", name],
    ["AWS::StackId", `arn:aws:cloudformation:${region}:${account}:stack/${name}/00000000-0000-0000-0000-000000000000`],
    ["AWS::NotificationARNs", []],
    ["AWS::NoValue", noValue],
  ]);
}

function readParameters(document: TemplateDocument, stack: Stack, findings: Findings): Map<string, unknown> {
  const { root, positions } = document;
  const declared = isMapping(root.Parameters) ? root.Parameters : {};
  const values = new Map<string, unknown>();
  for (const name of Object.keys(stack.parameters)) {
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
    const text = stack.parameters[name] ?? textOf(declaration.Default);
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
