import type { PutPermissionRequest, RemovePermissionRequest } from "@aws-sdk/client-eventbridge";
import { PolicyError, parsePolicy } from "../../../policy/index.ts";
import { JsonError } from "../json.ts";
import { busOf, type EventsOperation, invalid, notFound } from "./context.ts";

interface Document {
  readonly Version: string;
  readonly Statement: readonly { readonly Sid?: string; readonly [member: string]: unknown }[];
}

/** Bytes of a bus's policy (Service Quotas). */
const mostBytes = 10_240;

/** Adds a statement, or replaces the whole policy. */
export const putPermission: EventsOperation<PutPermissionRequest> = (call) => {
  const { input, context } = call;
  const record = busOf(call, input.EventBusName);
  const policy = input.Policy ?? withStatement(input, record.arn, record.policy);
  if (Buffer.byteLength(policy) > mostBytes) {
    throw new JsonError("PolicyLengthExceededException", "The policy is longer than the maximum length allowed.");
  }
  try {
    parsePolicy(policy, "resource");
  } catch (error) {
    if (error instanceof PolicyError) throw invalid(`Parameter Policy is not valid. Reason: ${error.message}`);
    throw error;
  }
  context.buses.directory.putBus({ ...record, policy, modified: context.clock() });
  return {};
};

function withStatement(
  { Action, Principal, StatementId, Condition }: PutPermissionRequest,
  arn: string,
  old: string | undefined,
): string {
  if (Action === undefined || Principal === undefined || StatementId === undefined) {
    throw invalid("Parameters Action, Principal and StatementId, or Policy, must be specified.");
  }
  if (Action !== "events:PutEvents") throw invalid(`Provided value in parameter 'action' is not supported.`);
  const { Type = "", Key = "", Value = "" } = Condition ?? {};
  const statement = {
    Sid: StatementId,
    Effect: "Allow",
    Principal: Principal === "*" ? "*" : { AWS: `arn:aws:iam::${Principal}:root` },
    Action,
    Resource: arn,
    ...(Condition === undefined ? {} : { Condition: { [Type]: { [Key]: Value } } }),
  };
  const kept = statementsOf(old).filter(({ Sid }) => Sid !== StatementId);
  return JSON.stringify({ Version: "2012-10-17", Statement: [...kept, statement] });
}

export const removePermission: EventsOperation<RemovePermissionRequest> = (call) => {
  const { input, context } = call;
  const record = busOf(call, input.EventBusName);
  const statements = statementsOf(record.policy);
  const left = input.RemoveAllPermissions === true ? [] : statements.filter(({ Sid }) => Sid !== input.StatementId);
  if (record.policy === undefined) throw notFound("EventBus does not have a policy.");
  if (left.length === statements.length) throw notFound("Statement with the provided id does not exist.");
  const policy = left.length === 0 ? undefined : JSON.stringify({ Version: "2012-10-17", Statement: left });
  context.buses.directory.putBus({ ...record, policy, modified: context.clock() });
  return {};
};

function statementsOf(policy: string | undefined): Document["Statement"] {
  if (policy === undefined) return [];
  const { Statement } = JSON.parse(policy) as { Statement: Document["Statement"] | Document["Statement"][number] };
  return Array.isArray(Statement) ? Statement : [Statement as Document["Statement"][number]];
}
