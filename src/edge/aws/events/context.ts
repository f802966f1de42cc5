import { type Buses, type BusRecord, busArn, defaultBus, type RuleRecord } from "../../../buses/index.ts";
import { ServiceError } from "../../../model/index.ts";
import { compilePattern, PatternError } from "../../../patterns/index.ts";
import type { Scope } from "../../../registry/index.ts";
import { pageOf } from "../../lambda-api/pages.ts";
import { JsonError } from "../json.ts";
import type { Exchange } from "../service.ts";

export interface EventsContext {
  readonly buses: Buses;
  /** milliseconds since the epoch */
  clock(): number;
}

export interface EventsCall<Input> {
  readonly input: Input;
  readonly scope: Scope;
  readonly exchange: Pick<Exchange, "caller">;
  readonly context: EventsContext;
}

export type EventsOperation<Input> = (call: EventsCall<Input>) => object | Promise<object>;

export const invalid = (message: string): JsonError => new JsonError("ValidationException", message);
export const notFound = (message: string): JsonError => new JsonError("ResourceNotFoundException", message);

/** A bus as requests call it, by name or by ARN; `default` when left out. */
export function placeOf(scope: Scope, given: string = defaultBus): Scope & { readonly bus: string } {
  const parts = /^arn:[^:]+:events:([^:]+):(\d{12}):event-bus\/(.+)$/.exec(given);
  if (parts === null) return { account: scope.account, region: scope.region, bus: given };
  const [, region = "", account = "", bus = ""] = parts;
  return { account, region, bus };
}

/** Throws ResourceNotFoundException. A bus of another account is not the caller's to look at or to change. */
export function busOf({ context, scope }: EventsCall<unknown>, given: string | undefined): BusRecord {
  const { bus, ...where } = placeOf(scope, given);
  const found = where.account === scope.account ? context.buses.directory.bus(where, bus) : undefined;
  if (found === undefined) throw notFound(`Event bus ${bus} does not exist.`);
  return found;
}

/** Throws ResourceNotFoundException. */
export function ruleOf(call: EventsCall<unknown>, name: string, given: string | undefined): RuleRecord {
  const { account, region, bus } = busOf(call, given);
  const found = call.context.buses.directory.rule({ account, region }, bus, name);
  if (found === undefined) throw notFound(`Rule ${name} does not exist on EventBus ${bus}.`);
  return found;
}

/** Throws ManagedRuleException, unless the caller insists. */
export function checkManaged({ rule, managedBy }: RuleRecord, force = false): void {
  if (managedBy === undefined || force) return;
  throw new JsonError("ManagedRuleException", `Rule ${rule} is managed by ${managedBy}.`);
}

/** Throws InvalidEventPatternException. */
export function readPattern(pattern: string): (event: unknown) => boolean {
  try {
    return compilePattern(pattern);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new JsonError("InvalidEventPatternException", `Event pattern is not valid. Reason: ${error.message}`);
  }
}

/** One page; `{ NextToken }` where there are more. Throws ValidationException. */
export function page<T>(sorted: readonly T[], nameOf: (one: T) => string, token?: string, limit?: number) {
  try {
    const { items, nextMarker } = pageOf(sorted, nameOf, token, limit, 100);
    return { items, next: nextMarker === undefined ? {} : { NextToken: nextMarker } };
  } catch (error) {
    if (error instanceof ServiceError) throw invalid("Parameter NextToken is not valid.");
    throw error;
  }
}

/** `{ [name]: value }` of those that are there. */
export const given = (values: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

export const tagsOf = (list: readonly { Key?: string | undefined; Value?: string | undefined }[] = []) =>
  Object.fromEntries(list.map(({ Key = "", Value = "" }) => [Key, Value]));

export { busArn };
