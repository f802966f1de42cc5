import { type ChangeSetRecord, StackError } from "../../../stacks/index.ts";
import { type Paged, page, type StackCall, type StackOperation, time } from "./operation.ts";
import { askerFor, type DeployInput, parametersOf, wishOf } from "./stack-operations.ts";
import { changeSetSummary, changeView, tagsView } from "./views.ts";

interface SetInput extends Paged {
  readonly ChangeSetName: string;
  readonly StackName?: string;
}

export const createChangeSet: StackOperation<
  DeployInput & {
    readonly ChangeSetName: string;
    readonly ChangeSetType?: string;
    readonly Description?: string;
    readonly ClientToken?: string;
  }
> = async (call) => {
  const { ChangeSetName, ChangeSetType, Description, StackName, RoleARN } = call.input;
  if (ChangeSetType === "IMPORT") throw new StackError("ValidationError", "Importing resources is not supported.");
  const wish = await wishOf(call);
  const kind = ChangeSetType === "CREATE" ? "CREATE" : "UPDATE";
  const set = await call.stacks.changeSets.create(askerFor(call, StackName, RoleARN), wish, {
    name: ChangeSetName,
    kind,
    description: Description,
  });
  return { Id: set.id, StackId: set.stackId };
};

function found({ stacks, account, region, input }: StackCall<SetInput>): ChangeSetRecord {
  const { ChangeSetName, StackName } = input;
  if (!ChangeSetName.startsWith("arn:") && StackName === undefined) {
    throw new StackError("ValidationError", "StackName must be specified if ChangeSetName is not specified as an ARN.");
  }
  if (!ChangeSetName.startsWith("arn:") && stacks.store.find(account, region, StackName!) === undefined) {
    throw new StackError("ValidationError", `Stack [${StackName}] does not exist`);
  }
  const set = stacks.store.changeSet(account, region, ChangeSetName, StackName);
  if (set === undefined) throw new StackError("ChangeSetNotFound", `ChangeSet [${ChangeSetName}] does not exist`, 404);
  return set;
}

export const describeChangeSet: StackOperation<SetInput> = (call) => {
  const set = found(call);
  const { items, NextToken } = page(set.changes, call.input);
  return {
    ChangeSetName: set.changeSetName,
    ChangeSetId: set.id,
    StackId: set.stackId,
    StackName: set.stackName,
    Description: set.changeSetDescription,
    Parameters: parametersOf(call.stacks, set),
    CreationTime: time(set.created),
    ExecutionStatus: set.executionStatus,
    Status: set.status,
    StatusReason: set.reason,
    NotificationARNs: set.notificationArns,
    RollbackConfiguration: {},
    Capabilities: set.capabilities,
    Tags: tagsView(set.tags),
    Changes: items.map(changeView),
    NextToken,
    IncludeNestedStacks: false,
  };
};

export const executeChangeSet: StackOperation<
  SetInput & { readonly ClientRequestToken?: string; readonly DisableRollback?: boolean }
> = (call) => {
  const set = found(call);
  const { ClientRequestToken: token, DisableRollback: disableRollback } = call.input;
  call.stacks.changeSets.execute(askerFor(call, set.stackId, set.roleArn), set, { token, disableRollback });
  return {};
};

export const deleteChangeSet: StackOperation<SetInput> = (call) => {
  const { stacks, account, region, input } = call;
  const set = stacks.store.changeSet(account, region, input.ChangeSetName, input.StackName);
  if (set !== undefined) stacks.changeSets.remove(set);
  return {};
};

export const listChangeSets: StackOperation<Paged & { readonly StackName: string }> = (call) => {
  const { stacks, account, region, input } = call;
  const stack = stacks.store.find(account, region, input.StackName);
  if (stack === undefined) throw new StackError("ValidationError", `Stack [${input.StackName}] does not exist`);
  const { items, NextToken } = page(stacks.store.changeSets(stack), input);
  return { Summaries: items.map(changeSetSummary), NextToken };
};
