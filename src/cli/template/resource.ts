import { evaluate, type Findings, type Mapping, type Positions, type Scope } from "../../templates/index.ts";
import { type At, settle } from "./settle.ts";

/** A resource as the template has it, Globals already merged in. */
export interface Resource {
  readonly logicalId: string;
  readonly type: string;
  readonly line: number;
  readonly properties: Mapping;
}

/** Reads one resource's properties: evaluated, without what is not known, every complaint with its place. */
export interface ResourceReader {
  readonly positions: Positions;
  readonly findings: Findings;
  /** paths in the template start here */
  readonly folder: string;
  readonly resources: { physicalName(logicalId: string): string | undefined };
  at(property: string): At;
  evaluated(property: string): unknown;
  settle(value: unknown, at: At): unknown;
  /** undefined where the property is missing or not known */
  value(property: string): unknown;
  text(property: string): string | undefined;
  number(property: string): number | undefined;
  warn(property: string, message: string): void;
  fail(property: string, message: string): void;
  failResource(message: string): void;
}

export function createReader(
  resource: Resource,
  scope: Scope,
  findings: Findings,
  folder: string,
  resources: ResourceReader["resources"],
): ResourceReader {
  const { positions } = scope;
  const at = (property: string): At => ({
    path: `${resource.logicalId}.Properties.${property}`,
    line: positions.line(resource.properties, property) ?? resource.line,
  });
  const reader: ResourceReader = {
    positions,
    findings,
    folder,
    resources,
    at,
    evaluated: (property) =>
      Object.hasOwn(resource.properties, property) ? evaluate(resource.properties[property], scope) : undefined,
    settle: (value, place) => settle(value, place, positions, findings),
    value(property) {
      const value = reader.evaluated(property);
      // AWS::NoValue: the property is not there
      return value === undefined || typeof value === "symbol"
        ? undefined
        : settle(value, at(property), positions, findings);
    },
    text(property) {
      const value = reader.value(property);
      if (value === undefined || typeof value === "string") return value;
      if (typeof value === "number" || typeof value === "boolean") return String(value);
      reader.fail(property, `must be text, not ${JSON.stringify(value)}`);
      return undefined;
    },
    number(property) {
      const value = reader.value(property);
      if (value === undefined || typeof value === "number") return value;
      if (typeof value === "string" && /^-?\d+$/.test(value.trim())) return Number(value);
      reader.fail(property, `must be a number, not ${JSON.stringify(value)}`);
      return undefined;
    },
    warn: (property, message) => findings.warn(at(property).line, at(property).path, message),
    fail: (property, message) => findings.fail(at(property).line, at(property).path, message),
    failResource: (message) => findings.fail(resource.line, resource.logicalId, message),
  };
  return reader;
}
