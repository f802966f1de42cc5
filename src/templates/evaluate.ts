import { subnetsOf } from "./cidr.ts";
import { isMapping, type Mapping, type Positions } from "./document.ts";

/** A value that cannot be known here, and why. */
export class Unresolved {
  readonly why: string;
  constructor(why: string) {
    this.why = why;
  }
}

/** `AWS::NoValue`: as if the property were not there. */
export const noValue = Symbol("AWS::NoValue");

/** What the intrinsic functions look up. */
export interface Scope {
  readonly positions: Positions;
  readonly region: string;
  /** parameter, pseudo parameter or resource; Unresolved when there is none */
  reference(name: string): unknown;
  attribute(logicalId: string, attribute: string): unknown;
  mapping(map: string, first: string, second: string): unknown;
  condition(name: string): boolean | Unresolved;
  /** of another stack */
  exported(name: string): unknown;
}

type Intrinsic = (argument: unknown, scope: Scope) => unknown;

/** Evaluates every intrinsic function in a value. The result may hold `Unresolved` where something is not known. */
export function evaluate(value: unknown, scope: Scope): unknown {
  if (Array.isArray(value)) {
    const list = value.map((each) => evaluate(each, scope)).filter((each) => each !== noValue);
    scope.positions.inherit(list, value);
    return list;
  }
  if (!isMapping(value)) return value;
  const [key, ...others] = Object.keys(value);
  if (key !== undefined && others.length === 0) {
    const intrinsic = intrinsics[key];
    if (intrinsic !== undefined) return intrinsic(value[key], scope);
    if (key.startsWith("Fn::")) return new Unresolved(`${key} is not supported`);
  }
  const mapping: Mapping = {};
  for (const [name, member] of Object.entries(value)) {
    const result = evaluate(member, scope);
    if (result !== noValue) mapping[name] = result;
  }
  scope.positions.inherit(mapping, value);
  return mapping;
}

/** Evaluates what stands under Conditions, or as an argument of And, Or and Not. */
export function evaluateCondition(value: unknown, scope: Scope): boolean | Unresolved {
  if (isMapping(value) && Object.keys(value).length === 1 && typeof value.Condition === "string") {
    return scope.condition(value.Condition);
  }
  const result = evaluate(value, scope);
  if (result instanceof Unresolved || typeof result === "boolean") return result;
  if (result === "true" || result === "false") return result === "true";
  return new Unresolved(`${JSON.stringify(result)} is not a condition`);
}

const intrinsics: Readonly<Record<string, Intrinsic>> = {
  Ref: (name, scope) => (typeof name === "string" ? scope.reference(name) : new Unresolved("!Ref takes a name")),

  "Fn::GetAtt": (argument, scope) => {
    const parts = typeof argument === "string" ? argument.split(".") : Array.isArray(argument) ? argument : [];
    const [logicalId, ...attribute] = parts.map((part) => evaluate(part, scope));
    if (typeof logicalId !== "string" || attribute.length === 0) return new Unresolved("!GetAtt takes Name.Attribute");
    return scope.attribute(logicalId, attribute.join("."));
  },

  "Fn::Sub": (argument, scope) => {
    const [template, variables] = Array.isArray(argument) ? argument : [argument, {}];
    if (typeof template !== "string") return new Unresolved("!Sub takes a text");
    return substitute(template, isMapping(variables) ? variables : {}, scope);
  },

  "Fn::Join": (argument, scope) => {
    const [delimiter, items] = evaluateArguments(argument, scope);
    return firstUnresolved(items) ?? (Array.isArray(items) ? items.join(String(delimiter)) : misused("Join"));
  },

  "Fn::Split": (argument, scope) => {
    const [delimiter, text] = evaluateArguments(argument, scope);
    if (text instanceof Unresolved) return text;
    return typeof text === "string" && typeof delimiter === "string" ? text.split(delimiter) : misused("Split");
  },

  "Fn::Select": (argument, scope) => {
    const [index, items] = evaluateArguments(argument, scope);
    if (items instanceof Unresolved) return items;
    if (index instanceof Unresolved) return index;
    if (!Array.isArray(items)) return misused("Select");
    const item = items[Number(index)];
    return item === undefined ? new Unresolved(`!Select ${index} of a list of ${items.length}`) : item;
  },

  "Fn::FindInMap": (argument, scope) => {
    const [map, first, second, fallback] = evaluateArguments(argument, scope);
    const keys = [map, first, second];
    const unresolved = firstUnresolved(keys);
    if (unresolved !== undefined) return unresolved;
    const found = scope.mapping(String(map), String(first), String(second));
    // the language extension: a last argument {DefaultValue: …}
    return found instanceof Unresolved && isMapping(fallback) && "DefaultValue" in fallback
      ? fallback.DefaultValue
      : found;
  },

  "Fn::If": (argument, scope) => {
    if (!Array.isArray(argument) || argument.length !== 3) return misused("If");
    const holds = scope.condition(String(argument[0]));
    return holds instanceof Unresolved ? holds : evaluate(argument[holds ? 1 : 2], scope);
  },

  "Fn::Equals": (argument, scope) => {
    const pair = evaluateArguments(argument, scope);
    return firstUnresolved(pair) ?? String(pair[0]) === String(pair[1]);
  },

  "Fn::And": (argument, scope) => combine(argument, scope, (values) => values.every(Boolean)),
  "Fn::Or": (argument, scope) => combine(argument, scope, (values) => values.some(Boolean)),
  "Fn::Not": (argument, scope) => combine(argument, scope, ([value]) => !value),

  "Fn::Base64": (argument, scope) => {
    const text = evaluate(argument, scope);
    return text instanceof Unresolved ? text : Buffer.from(String(text)).toString("base64");
  },

  "Fn::GetAZs": (argument, scope) => {
    const region = evaluate(argument, scope);
    if (region instanceof Unresolved) return region;
    return ["a", "b", "c"].map((zone) => `${region || scope.region}${zone}`);
  },

  "Fn::ImportValue": (argument, scope) => {
    const name = evaluate(argument, scope);
    return name instanceof Unresolved ? name : scope.exported(String(name));
  },

  "Fn::Cidr": (argument, scope) => {
    const [block, count, bits = 8] = evaluateArguments(argument, scope);
    const unresolved = firstUnresolved([block, count, bits]);
    return unresolved ?? subnetsOf(String(block), Number(count), Number(bits)) ?? misused("Cidr");
  },

  // Of Rules only. Source: CloudFormation User Guide, "Rules section syntax reference".
  "Fn::Contains": (argument, scope) => {
    const [list, value] = evaluateArguments(argument, scope);
    const unresolved = firstUnresolved([list, value]);
    return unresolved ?? (Array.isArray(list) ? list.map(String).includes(String(value)) : misused("Contains"));
  },

  "Fn::Length": (argument, scope) => {
    const list = evaluate(argument, scope);
    return Array.isArray(list) ? list.length : list instanceof Unresolved ? list : misused("Length");
  },

  "Fn::ToJsonString": (argument, scope) => {
    const value = evaluate(argument, scope);
    return findUnresolved(value) ?? JSON.stringify(value);
  },
};

function substitute(template: string, variables: Mapping, scope: Scope): string | Unresolved {
  let unresolved: Unresolved | undefined;
  const text = template.replace(/\$\{([^}]*)\}/g, (_, expression: string) => {
    if (expression.startsWith("!")) return `\${${expression.slice(1)}}`;
    const name = expression.trim();
    const dot = name.indexOf(".");
    const value = Object.hasOwn(variables, name)
      ? evaluate(variables[name], scope)
      : dot > 0
        ? scope.attribute(name.slice(0, dot), name.slice(dot + 1))
        : scope.reference(name);
    if (value instanceof Unresolved) unresolved ??= value;
    else if (typeof value === "object" || typeof value === "symbol") {
      unresolved ??= new Unresolved(`\${${name}} of !Sub is not a text`);
    }
    return String(value instanceof Unresolved || typeof value === "symbol" ? "" : value);
  });
  return unresolved ?? text;
}

function combine(
  argument: unknown,
  scope: Scope,
  decide: (values: readonly boolean[]) => boolean,
): boolean | Unresolved {
  const values = (Array.isArray(argument) ? argument : [argument]).map((each) => evaluateCondition(each, scope));
  return firstUnresolved(values) ?? decide(values as boolean[]);
}

function evaluateArguments(argument: unknown, scope: Scope): readonly unknown[] {
  return (Array.isArray(argument) ? argument : [argument]).map((each) => evaluate(each, scope));
}

function firstUnresolved(values: unknown): Unresolved | undefined {
  if (values instanceof Unresolved) return values;
  return Array.isArray(values) ? values.find((value) => value instanceof Unresolved) : undefined;
}

/** The first thing that is not known, however deep in a value. */
export function findUnresolved(value: unknown): Unresolved | undefined {
  if (value instanceof Unresolved) return value;
  if (typeof value !== "object" || value === null) return undefined;
  for (const each of Object.values(value)) {
    const found = findUnresolved(each);
    if (found !== undefined) return found;
  }
  return undefined;
}

function misused(name: string): Unresolved {
  return new Unresolved(`!${name} has the wrong arguments`);
}
