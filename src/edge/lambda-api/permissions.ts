import type { AddPermissionRequest } from "@aws-sdk/client-lambda";
import { limits, ServiceError } from "../../model/index.ts";
import {
  aliasNotFound,
  type FunctionEntry,
  functionArn,
  functionNotFound,
  type Registry,
} from "../../registry/index.ts";
import type { FunctionRef } from "./function-ref.ts";

/** A statement as AddPermission writes it, with its members in Lambda's order. */
export interface PermissionStatement {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Principal: "*" | { readonly Service: string } | { readonly AWS: string };
  readonly Action: string;
  readonly Resource: string;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** A policy document, of which only the list of statements matters here. */
export interface PolicyDocument {
  readonly Version?: string;
  readonly Id?: string;
  readonly Statement: readonly { readonly Sid?: string }[];
}

/**
 * The function, version or alias that a permission is about. Throws ResourceNotFoundException: in other words for what
 * could be an alias than for a version.
 */
export function policyOwner(registry: Registry, ref: FunctionRef): FunctionEntry {
  const entry = registry.functions.get(ref, ref.name);
  const { qualifier } = ref;
  if (qualifier === undefined || qualifier === "$LATEST") return entry;
  if (entry.versions.has(qualifier) || entry.aliases.has(qualifier)) return entry;
  throw /^\d+$/.test(qualifier) ? functionNotFound(ref, ref.name, qualifier) : aliasNotFound(ref, ref.name, qualifier);
}

/** RevisionId of GetPolicy: that of the function, version or alias. */
export function ownerRevision(entry: FunctionEntry, qualifier = "$LATEST"): string {
  return (entry.aliases.get(qualifier) ?? entry.versions.get(qualifier) ?? entry.latest).revisionId;
}

export const policyArn = (ref: FunctionRef): string =>
  ref.qualifier === undefined || ref.qualifier === "$LATEST"
    ? functionArn(ref, ref.name)
    : `${functionArn(ref, ref.name)}:${ref.qualifier}`;

/** Throws InvalidParameterValueException for a principal that AWS does not know as one. */
export function statementOf(input: AddPermissionRequest, resource: string): PermissionStatement {
  const { StatementId: Sid = "", Action = "", Principal = "" } = input;
  const Condition = conditionOf(input);
  return {
    Sid,
    Effect: "Allow",
    Principal: principalOf(Principal),
    Action,
    Resource: resource,
    ...(Object.keys(Condition).length === 0 ? {} : { Condition }),
  };
}

function conditionOf(input: AddPermissionRequest): Record<string, Record<string, string>> {
  const lines: [operator: string, key: string, value: string | undefined][] = [
    ["StringEquals", "lambda:FunctionUrlAuthType", input.FunctionUrlAuthType],
    ["StringEquals", "aws:PrincipalOrgID", input.PrincipalOrgID],
    ["StringEquals", "AWS:SourceAccount", input.SourceAccount],
    ["StringEquals", "lambda:EventSourceToken", input.EventSourceToken],
    ["ArnLike", "AWS:SourceArn", input.SourceArn],
    ["Bool", "lambda:InvokedViaFunctionUrl", input.InvokedViaFunctionUrl?.toString()],
  ];
  const condition: Record<string, Record<string, string>> = {};
  for (const [operator, key, value] of lines) {
    if (value === undefined) continue;
    condition[operator] = { ...condition[operator], [key]: value };
  }
  return condition;
}

/**
 * `*`, an account, a service (Alexa's end in amazon.com), or the ARN of a user, role, session or account.
 * Not checked: whether a user or role exists, as it may be another platform's.
 */
export function principalOf(text: string): PermissionStatement["Principal"] {
  if (text === "*") return "*";
  if (/^\d{12}$/.test(text)) return { AWS: `arn:aws:iam::${text}:root` };
  if (/^[a-z0-9][a-z0-9.-]*\.(amazonaws\.com(\.cn)?|amazon\.com)$/.test(text)) return { Service: text };
  if (/^arn:aws[a-zA-Z-]*:(iam|sts)::(\d{12}|cloudfront):[^\s*?]+$/.test(text)) return { AWS: text };
  throw new ServiceError(
    "InvalidParameterValueException",
    "The provided principal was invalid. Please check the principal and try again.",
  );
}

/** The document with one statement more. Throws ResourceConflictException and PolicyLengthExceededException. */
export function withStatement(document: string | undefined, statement: PermissionStatement): string {
  const { Statement, ...rest } =
    document === undefined ? { Version: "2012-10-17", Id: "default", Statement: [] } : documentOf(document);
  if (Statement.some(({ Sid }) => Sid === statement.Sid)) {
    throw new ServiceError(
      "ResourceConflictException",
      `The statement id (${statement.Sid}) provided already exists. Please provide a new statement id, or remove the existing statement.`,
    );
  }
  return checkedSize(JSON.stringify({ ...rest, Statement: [...Statement, statement] }));
}

/** The document with one statement less; undefined: that was the last. Throws ResourceNotFoundException. */
export function withoutStatement(document: string | undefined, sid: string): string | undefined {
  if (document === undefined) throw noPolicy();
  const { Statement, ...rest } = documentOf(document);
  const left = Statement.filter(({ Sid }) => Sid !== sid);
  if (left.length === Statement.length) {
    throw new ServiceError("ResourceNotFoundException", `Statement ${sid} is not found in resource policy.`);
  }
  return left.length === 0 ? undefined : JSON.stringify({ ...rest, Statement: left });
}

/** Throws PolicyLengthExceededException in Lambda's words. */
export function checkedSize(document: string): string {
  const bytes = Buffer.byteLength(document);
  if (bytes <= limits.policyBytes) return document;
  throw new ServiceError(
    "PolicyLengthExceededException",
    `The final policy size (${bytes}) is bigger than the limit (${limits.policyBytes}).`,
  );
}

export const noPolicy = (): ServiceError =>
  new ServiceError("ResourceNotFoundException", "No policy is associated with the given resource.");

/** A single statement need not be in a list. */
function documentOf(text: string): PolicyDocument {
  const document = JSON.parse(text) as PolicyDocument;
  return { ...document, Statement: [document.Statement].flat() };
}
