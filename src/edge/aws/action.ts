import type { Registry } from "../../registry/index.ts";
import type { Keyring } from "../auth/keyring.ts";
import type { Sessions } from "../auth/sessions.ts";
import type { Caller } from "../caller.ts";
import type { Xml } from "./xml.ts";

/** One call of the Query protocol. */
export interface QueryCall {
  /** the form's fields: `RoleName`, `Tags.member.1.Key` … */
  readonly fields: URLSearchParams;
  readonly account: string;
  /** who asks */
  readonly caller: Caller;
  readonly registry: Pick<Registry, "roles" | "policies" | "named">;
  readonly keyring: Keyring;
  readonly sessions: Sessions;
}

/** Answers one action. Undefined: the action has no result. Throws QueryError. */
export type Action = (call: QueryCall) => Xml | undefined;

/** A refusal of an action, in the service's own code. */
export class QueryError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = code;
    this.status = status;
    this.code = code;
  }
}

/** A field that must be there. Throws ValidationError in AWS's words. */
export function required(fields: URLSearchParams, name: string): string {
  const value = fields.get(name);
  if (value !== null && value !== "") return value;
  throw invalid(
    `1 validation error detected: Value null at '${lowerFirst(name)}' failed to satisfy constraint: Member must not be null`,
  );
}

/** A name of IAM: letters, digits and `+=,.@_-`, at most `max` of them. Source: IAM API Reference, CreateRole. */
export function requiredName(fields: URLSearchParams, field: string, max: number): string {
  const value = required(fields, field);
  const about = `1 validation error detected: Value at '${lowerFirst(field)}' failed to satisfy constraint:`;
  if (value.length > max) throw invalid(`${about} Member must have length less than or equal to ${max}`);
  if (!/^[\w+=,.@-]+$/.test(value))
    throw invalid(
      `The specified value for ${lowerFirst(field)} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-`,
    );
  return value;
}

/** `Tags.member.1.Key` and its like, as a record. */
export function tagsOf(fields: URLSearchParams): Record<string, string> {
  const tags: Record<string, string> = {};
  for (let index = 1; index <= 50; index += 1) {
    const key = fields.get(`Tags.member.${index}.Key`);
    if (key === null) break;
    tags[key] = fields.get(`Tags.member.${index}.Value`) ?? "";
  }
  return tags;
}

/** `Name.member.1`, `Name.member.2` … */
export function listOf(fields: URLSearchParams, name: string): string[] {
  const list: string[] = [];
  for (let index = 1; index <= 1000; index += 1) {
    const value = fields.get(`${name}.member.${index}`);
    if (value === null) break;
    list.push(value);
  }
  return list;
}

export const tagList = (tags: Readonly<Record<string, string>>): Xml =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

/** A whole number within bounds, or the default. Throws ValidationError. */
export function integer(fields: URLSearchParams, name: string, min: number, max: number, byDefault: number): number {
  const text = fields.get(name);
  if (text === null) return byDefault;
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  const bound = value > max ? `less than or equal to ${max}` : `greater than or equal to ${min}`;
  throw invalid(
    `1 validation error detected: Value '${text}' at '${lowerFirst(name)}' failed to satisfy constraint: Member must have value ${bound}`,
  );
}

const invalid = (message: string) => new QueryError(400, "ValidationError", message);
const lowerFirst = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);
