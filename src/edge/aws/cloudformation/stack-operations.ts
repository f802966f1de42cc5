import { isNoEcho, previous, StackError, type StackRecord, type Wish } from "../../../stacks/index.ts";
import { type Paged, page, type StackCall, type StackOperation, type TemplateInput } from "./operation.ts";
import { eventView, parametersView, resourceView, stackView, summaryView } from "./views.ts";

/** What CreateStack, UpdateStack and CreateChangeSet take alike. */
export interface DeployInput extends TemplateInput {
  readonly StackName: string;
  readonly UsePreviousTemplate?: boolean;
  readonly Parameters?: readonly {
    readonly ParameterKey?: string;
    readonly ParameterValue?: string;
    readonly UsePreviousValue?: boolean;
  }[];
  readonly Tags?: readonly { readonly Key: string; readonly Value: string }[];
  readonly Capabilities?: readonly string[];
  readonly NotificationARNs?: readonly string[];
  readonly RoleARN?: string;
  readonly ClientRequestToken?: string;
  readonly DisableRollback?: boolean;
  readonly OnFailure?: "ROLLBACK" | "DELETE" | "DO_NOTHING";
  readonly TimeoutInMinutes?: number;
  readonly EnableTerminationProtection?: boolean;
}

export async function wishOf({ input, template }: StackCall<DeployInput>): Promise<Wish> {
  const stackName = input.StackName;
  if (!stackName.startsWith("arn:") && !/^[a-zA-Z][-a-zA-Z0-9]{0,127}$/.test(stackName)) {
    throw invalid(
      `1 validation error detected: Value '${stackName}' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*`,
    );
  }
  const text = await template(input);
  if (text === undefined && input.UsePreviousTemplate !== true) {
    throw invalid("Either Template URL or Template Body must be specified.");
  }
  const parameters = (input.Parameters ?? []).map(({ ParameterKey = "", ParameterValue = "", UsePreviousValue }) => [
    ParameterKey,
    UsePreviousValue === true ? previous : ParameterValue,
  ]);
  return {
    stackName,
    template: text,
    parameters: Object.fromEntries(parameters) as Wish["parameters"],
    tags: input.Tags === undefined ? undefined : Object.fromEntries(input.Tags.map(({ Key, Value }) => [Key, Value])),
    capabilities: input.Capabilities ?? [],
    notificationArns: input.NotificationARNs,
    roleArn: input.RoleARN,
    token: input.ClientRequestToken,
    disableRollback: input.DisableRollback,
    onFailure: input.OnFailure,
    timeoutMinutes: input.TimeoutInMinutes,
    protected: input.EnableTerminationProtection,
  };
}

export const createStack: StackOperation<DeployInput> = async (call) => {
  const { input } = call;
  if (input.DisableRollback !== undefined && input.OnFailure !== undefined) {
    throw invalid("You can specify either OnFailure or DisableRollback, but not both.");
  }
  const stack = await call.stacks.create(call.asker(input.RoleARN), await wishOf(call));
  return { StackId: stack.id };
};

export const updateStack: StackOperation<DeployInput> = async (call) => {
  const wish = await wishOf(call);
  const stack = await call.stacks.update(askerFor(call, call.input.StackName, call.input.RoleARN), wish);
  return { StackId: stack.id };
};

/** The role that a stack was made with is used on, unless another is given. */
export function askerFor(
  { stacks, account, region, asker }: StackCall<unknown>,
  name: string,
  roleArn: string | undefined,
) {
  return asker(roleArn ?? stacks.store.find(account, region, name)?.roleArn);
}

interface NameInput extends Paged {
  readonly StackName: string;
}

export const deleteStack: StackOperation<
  NameInput & {
    readonly RetainResources?: readonly string[];
    readonly RoleARN?: string;
    readonly ClientRequestToken?: string;
  }
> = (call) => {
  const { StackName, RetainResources = [], RoleARN, ClientRequestToken } = call.input;
  call.stacks.remove(askerFor(call, StackName, RoleARN), StackName, {
    retain: RetainResources,
    token: ClientRequestToken,
  });
  return {};
};

export const describeStacks: StackOperation<Paged & { readonly StackName?: string }> = ({
  input,
  stacks,
  account,
  region,
}) => {
  const { StackName } = input;
  const all =
    StackName === undefined
      ? stacks.store.list(account, region).filter(({ deleted }) => deleted === undefined)
      : [existing(stacks.store.find(account, region, StackName), StackName)];
  const { items, NextToken } = page(
    [...all].sort((one, other) => other.created - one.created),
    input,
  );
  return { Stacks: items.map((stack) => stackView(stack, parametersOf(stacks, stack))), NextToken };
};

/** All of a template's parameters with the values that they have; of those with NoEcho only that they are there. */
export function parametersOf(
  stacks: StackCall<unknown>["stacks"],
  stack: Pick<StackRecord, "account" | "template" | "parameters" | "resolved">,
) {
  const { template } = stacks.summary(stacks.store.text(stack.account, stack.template));
  const effective: Record<string, string> = {};
  const hidden = new Set<string>();
  for (const [name, declaration] of Object.entries(template.parameters)) {
    if (declaration.Default !== undefined) effective[name] = String(declaration.Default);
    if (isNoEcho(declaration)) hidden.add(name);
  }
  return parametersView(stack, effective, hidden);
}

function existing(stack: StackRecord | undefined, name: string): StackRecord {
  if (stack === undefined) throw invalid(`Stack with id ${name} does not exist`);
  return stack;
}

export const listStacks: StackOperation<Paged & { readonly StackStatusFilter?: readonly string[] }> = ({
  input,
  stacks,
  account,
  region,
}) => {
  const { StackStatusFilter } = input;
  const all = stacks.store
    .list(account, region)
    .filter(({ status }) => StackStatusFilter === undefined || StackStatusFilter.includes(status));
  const { items, NextToken } = page(
    [...all].sort((one, other) => other.created - one.created),
    input,
  );
  return { StackSummaries: items.map(summaryView), NextToken };
};

/** Of these, a stack that is not there is told in other words. */
const found = ({ stacks, account, region }: StackCall<unknown>, name: string): StackRecord => {
  const stack = stacks.store.find(account, region, name);
  if (stack === undefined) throw invalid(`Stack [${name}] does not exist`);
  return stack;
};

export const describeStackEvents: StackOperation<NameInput> = (call) => {
  const { items, NextToken } = page(call.stacks.store.events(found(call, call.input.StackName)), call.input);
  return { StackEvents: items.map(eventView), NextToken };
};

export const describeEvents: StackOperation<
  Paged & { readonly StackName?: string; readonly ChangeSetName?: string }
> = (call) => {
  const { StackName, ChangeSetName } = call.input;
  const { stacks, account, region } = call;
  const set =
    ChangeSetName === undefined ? undefined : stacks.store.changeSet(account, region, ChangeSetName, StackName);
  // Of a change set nothing is told that its description does not say: nothing is checked later.
  if (ChangeSetName !== undefined && set === undefined)
    throw new StackError("ChangeSetNotFound", `ChangeSet [${ChangeSetName}] does not exist`, 404);
  if (set !== undefined) return { OperationEvents: [] };
  if (StackName === undefined) throw invalid("StackName or ChangeSetName must be specified.");
  const { items, NextToken } = page(stacks.store.events(found(call, StackName)), call.input);
  return {
    OperationEvents: items.map((event) => ({ ...eventView(event), EventType: "STACK_EVENT" })),
    NextToken,
  };
};

export const describeStackResource: StackOperation<NameInput & { readonly LogicalResourceId: string }> = (call) => {
  const { StackName, LogicalResourceId } = call.input;
  const stack = found(call, StackName);
  const resource = stack.resources[LogicalResourceId];
  if (resource === undefined) throw invalid(`Resource ${LogicalResourceId} does not exist for stack ${StackName}`);
  return { StackResourceDetail: resourceView(stack, resource) };
};

export const describeStackResources: StackOperation<{
  readonly StackName?: string;
  readonly LogicalResourceId?: string;
  readonly PhysicalResourceId?: string;
}> = (call) => {
  const { StackName, LogicalResourceId, PhysicalResourceId } = call.input;
  const { stacks, account, region } = call;
  const holder = stacks.store
    .list(account, region)
    .find(
      ({ deleted, resources }) =>
        deleted === undefined && Object.values(resources).some(({ physicalId }) => physicalId === PhysicalResourceId),
    );
  if (StackName === undefined && PhysicalResourceId === undefined) {
    throw invalid("Either StackName or PhysicalResourceId must be specified.");
  }
  if (StackName === undefined && holder === undefined) throw invalid(`Stack for ${PhysicalResourceId} does not exist`);
  const stack = StackName === undefined ? holder! : existing(stacks.store.find(account, region, StackName), StackName);
  const wanted = Object.values(stack.resources).filter(
    ({ logicalId }) => LogicalResourceId === undefined || logicalId === LogicalResourceId,
  );
  return { StackResources: wanted.map((resource) => resourceView(stack, resource)) };
};

export const listStackResources: StackOperation<NameInput> = (call) => {
  const stack = existing(call.stacks.store.find(call.account, call.region, call.input.StackName), call.input.StackName);
  const { items, NextToken } = page(Object.values(stack.resources), call.input);
  return { StackResourceSummaries: items.map((resource) => resourceView(stack, resource)), NextToken };
};

export const listExports: StackOperation<Paged> = ({ input, stacks, account, region }) => {
  const { items, NextToken } = page(stacks.exports(account, region), input);
  return {
    Exports: items.map(({ name, value, stackId }) => ({ ExportingStackId: stackId, Name: name, Value: value })),
    NextToken,
  };
};

export const listImports: StackOperation<Paged & { readonly ExportName: string }> = ({
  input,
  stacks,
  account,
  region,
}) => {
  const importers = stacks.importers(account, region, input.ExportName);
  if (importers.length === 0) throw invalid(`Export '${input.ExportName}' is not imported by any stack.`);
  const { items, NextToken } = page(importers, input);
  return { Imports: items, NextToken };
};

export const updateTerminationProtection: StackOperation<
  NameInput & { readonly EnableTerminationProtection: boolean }
> = (call) => {
  const stack = call.stacks.protect(call.asker(), call.input.StackName, call.input.EnableTerminationProtection);
  return { StackId: stack.id };
};

/** Stacks have no policies of their own: nothing stands in the way of an update. */
export const getStackPolicy: StackOperation<NameInput> = (call) => {
  found(call, call.input.StackName);
  return {};
};

export const describeAccountLimits: StackOperation<Paged> = () => ({
  AccountLimits: [
    { Name: "StackLimit", Value: 2000 },
    { Name: "StackOutputsLimit", Value: 200 },
    { Name: "ConcurrentResourcesLimit", Value: 2500 },
  ],
});

const invalid = (message: string): StackError => new StackError("ValidationError", message);
