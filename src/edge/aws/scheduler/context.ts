import type { Buses, ScheduleGroupRecord } from "../../../buses/index.ts";
import { ServiceError } from "../../../model/index.ts";
import type { Registry, Scope } from "../../../registry/index.ts";
import type { Caller } from "../../caller.ts";

export interface SchedulerContext {
  readonly buses: Buses;
  readonly roles: Registry["roles"];
  /** milliseconds since the epoch */
  clock(): number;
}

export interface SchedulerCall<Input> {
  readonly input: Input;
  readonly scope: Scope;
  readonly caller?: Caller;
  readonly context: SchedulerContext;
}

export type SchedulerOperation<Input> = (
  call: SchedulerCall<Input>,
) => object | undefined | Promise<object | undefined>;

export const invalid = (message: string): ServiceError => new ServiceError("ValidationException", message);
export const notFound = (message: string): ServiceError => new ServiceError("ResourceNotFoundException", message);
export const conflict = (message: string): ServiceError => new ServiceError("ConflictException", message);

/** Throws ResourceNotFoundException. */
export function groupOf({ scope, context }: SchedulerCall<unknown>, group: string): ScheduleGroupRecord {
  const found = context.buses.schedules.group(scope, group);
  if (found === undefined) throw notFound(`Schedule group ${group} does not exist.`);
  return found;
}

export const groupArn = ({ account, region }: Scope, group: string): string =>
  `arn:aws:scheduler:${region}:${account}:schedule-group/${group}`;

export const tagsOf = (list: readonly { Key?: string | undefined; Value?: string | undefined }[] = []) =>
  Object.fromEntries(list.map(({ Key = "", Value = "" }) => [Key, Value]));

/** A token names the last one shown. Throws ValidationException. */
export function decodeToken(token: string | undefined): string[] | undefined {
  if (token === undefined) return undefined;
  const text = Buffer.from(token, "base64url").toString("utf8");
  if (Buffer.from(text).toString("base64url") !== token) throw invalid("Invalid NextToken.");
  return text.split(" ");
}

export const tokenOf = (...last: readonly string[]): string => Buffer.from(last.join(" ")).toString("base64url");
