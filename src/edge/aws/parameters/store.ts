import type { Sealer } from "../../../keys/index.ts";
import type { Named, Scope } from "../../../registry/index.ts";
import { JsonError } from "../json.ts";

export interface ParameterVersion {
  readonly version: number;
  /** sealed in base64 when `type` is SecureString */
  readonly value: string;
  readonly type: "String" | "StringList" | "SecureString";
  readonly description?: string | undefined;
  readonly allowedPattern?: string | undefined;
  readonly keyId?: string | undefined;
  readonly tier: string;
  readonly dataType: string;
  /** milliseconds since the epoch */
  readonly modified: number;
  readonly labels: readonly string[];
}

/** A parameter of Parameter Store with its history, the newest version last. */
export interface ParameterRecord {
  readonly account: string;
  /** region and name, with a colon between */
  readonly name: string;
  readonly region: string;
  readonly parameter: string;
  readonly versions: readonly ParameterVersion[];
  readonly tags: Readonly<Record<string, string>>;
}

export interface ParametersContext {
  readonly records: Named<ParameterRecord>;
  readonly sealer: Sealer;
  clock(): number;
  /** The current value of a secret, and how it is described. Throws as Secrets Manager does. */
  secret(
    scope: Scope,
    id: string,
  ): { readonly value: string; readonly arn: string; readonly created: number } | undefined;
}

export interface ParametersCall<Input> {
  readonly input: Input;
  readonly scope: Scope;
  readonly context: ParametersContext;
}

export type ParametersOperation<Input> = (call: ParametersCall<Input>) => object;

export const recordName = ({ region }: Scope, parameter: string): string => `${region}:${parameter}`;

export const parameterArn = ({ account, region }: Scope, name: string): string =>
  `arn:aws:ssm:${region}:${account}:parameter${name.startsWith("/") ? "" : "/"}${name}`;

export const refusal = (code: string, message: string): JsonError => new JsonError(code, message);

/** The record of a name or an ARN. */
export function find({ context, scope }: ParametersCall<unknown>, given: string): ParameterRecord | undefined {
  const { records } = context;
  if (!given.startsWith("arn:")) return records.get(scope.account, recordName(scope, given));
  const path = given.split(":").slice(5).join(":").slice("parameter".length);
  return (
    records.get(scope.account, recordName(scope, path)) ?? records.get(scope.account, recordName(scope, path.slice(1)))
  );
}

/** `name`, `name:3` or `name:label`. Throws ParameterVersionNotFound. Undefined: there is no such parameter. */
export function select(call: ParametersCall<unknown>, given: string) {
  const whole = find(call, given);
  if (whole !== undefined) return { record: whole, version: whole.versions.at(-1)!, selector: undefined };
  const end = given.lastIndexOf(":");
  const record = end === -1 ? undefined : find(call, given.slice(0, end));
  if (record === undefined) return undefined;
  const selector = given.slice(end + 1);
  const version = record.versions.find((one) => String(one.version) === selector || one.labels.includes(selector));
  if (version !== undefined) return { record, version, selector: `:${selector}` };
  throw refusal(
    "ParameterVersionNotFound",
    /^\d+$/.test(selector)
      ? `Systems Manager could not find version ${selector} of ${record.parameter}. Verify the version and try again.`
      : `Systems Manager could not find label ${selector} of ${record.parameter}. Verify the label and try again.`,
  );
}

export const sealContext = (scope: Scope, parameter: string, version: number): string =>
  `ssm ${parameterArn(scope, parameter)} ${version}`;

/** Of a secure one, the sealed text unless it is to be opened, as AWS shows its ciphertext. */
export function textOf(
  { context }: ParametersCall<unknown>,
  record: ParameterRecord,
  { value, type, version }: ParameterVersion,
  open: boolean | undefined,
): string {
  if (type !== "SecureString" || open !== true) return value;
  return context.sealer
    .open(Buffer.from(value, "base64"), sealContext(record, record.parameter, version))
    .toString("utf8");
}

export function view(
  call: ParametersCall<unknown>,
  record: ParameterRecord,
  version: ParameterVersion,
  { open, selector }: { readonly open: boolean | undefined; readonly selector?: string | undefined },
): object {
  return {
    Name: record.parameter,
    Type: version.type,
    Value: textOf(call, record, version, open),
    Version: version.version,
    ...(selector === undefined ? {} : { Selector: selector }),
    LastModifiedDate: version.modified / 1000,
    ARN: parameterArn(record, record.parameter),
    DataType: version.dataType,
  };
}

/** One page; the token is the last name shown. */
export function page<T>(records: readonly T[], token: string | undefined, limit: number, nameOf: (one: T) => string) {
  const after = token === undefined ? undefined : Buffer.from(token, "base64url").toString("utf8");
  const at = after === undefined ? -1 : records.findIndex((one) => nameOf(one) === after);
  if (after !== undefined && at === -1) throw refusal("InvalidNextToken", "The specified token isn't valid.");
  const items = records.slice(at + 1, at + 1 + limit);
  const more = at + 1 + items.length < records.length;
  return { items, next: more ? { NextToken: Buffer.from(nameOf(items.at(-1)!)).toString("base64url") } : {} };
}
