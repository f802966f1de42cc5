import type { Change, ChangeSetRecord, EventRecord, ResourceRecord, StackRecord } from "../../../stacks/index.ts";
import { time } from "./operation.ts";

export const tagsView = (tags: Readonly<Record<string, string>>): object[] =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

/** `hidden`: names of parameters with NoEcho. */
export const parametersView = (
  { parameters, resolved }: Pick<StackRecord, "parameters" | "resolved">,
  effective: Readonly<Record<string, string>>,
  hidden: ReadonlySet<string>,
): object[] =>
  Object.entries({ ...effective, ...parameters }).map(([ParameterKey, value]) => ({
    ParameterKey,
    ParameterValue: hidden.has(ParameterKey) ? "****" : value,
    ResolvedValue: resolved[ParameterKey],
  }));

/** An element of DescribeStacks. */
export const stackView = (stack: StackRecord, parameters: readonly object[]): object => ({
  StackId: stack.id,
  StackName: stack.stackName,
  ChangeSetId: stack.changeSetId,
  Description: stack.description,
  Parameters: parameters,
  CreationTime: time(stack.created),
  DeletionTime: stack.deleted === undefined ? undefined : time(stack.deleted),
  LastUpdatedTime: stack.updated === undefined ? undefined : time(stack.updated),
  RollbackConfiguration: {},
  StackStatus: stack.status,
  StackStatusReason: stack.reason,
  DisableRollback: stack.disableRollback,
  NotificationARNs: stack.notificationArns,
  TimeoutInMinutes: stack.timeoutMinutes,
  Capabilities: stack.capabilities,
  Outputs: stack.outputs.map(({ key, value, description, exportName }) => ({
    OutputKey: key,
    OutputValue: value,
    Description: description,
    ExportName: exportName,
  })),
  RoleARN: stack.roleArn,
  Tags: tagsView(stack.tags),
  EnableTerminationProtection: stack.protected,
  DriftInformation: { StackDriftStatus: "NOT_CHECKED" },
});

/** An element of ListStacks. */
export const summaryView = (stack: StackRecord): object => ({
  StackId: stack.id,
  StackName: stack.stackName,
  TemplateDescription: stack.description,
  CreationTime: time(stack.created),
  LastUpdatedTime: stack.updated === undefined ? undefined : time(stack.updated),
  DeletionTime: stack.deleted === undefined ? undefined : time(stack.deleted),
  StackStatus: stack.status,
  StackStatusReason: stack.reason,
  DriftInformation: { StackDriftStatus: "NOT_CHECKED" },
});

const drift = { StackResourceDriftStatus: "NOT_CHECKED" };

export const resourceView = (stack: StackRecord, resource: ResourceRecord): object => ({
  StackName: stack.stackName,
  StackId: stack.id,
  LogicalResourceId: resource.logicalId,
  PhysicalResourceId: resource.physicalId,
  ResourceType: resource.type,
  LastUpdatedTimestamp: time(resource.updated),
  Timestamp: time(resource.updated),
  ResourceStatus: resource.status,
  ResourceStatusReason: resource.reason,
  DriftInformation: drift,
});

export const eventView = (event: EventRecord): object => ({
  StackId: event.stackId,
  EventId: event.id,
  StackName: event.stackName,
  LogicalResourceId: event.logicalId,
  PhysicalResourceId: event.physicalId,
  ResourceType: event.type,
  Timestamp: time(event.at),
  ResourceStatus: event.status,
  ResourceStatusReason: event.reason,
  ResourceProperties: event.properties,
  ClientRequestToken: event.token,
});

export const changeView = ({ action, logicalId, physicalId, type, replacement, properties, tags }: Change): object => ({
  Type: "Resource",
  ResourceChange: {
    Action: action,
    LogicalResourceId: logicalId,
    PhysicalResourceId: physicalId,
    ResourceType: type,
    Replacement: replacement,
    Scope: [...(properties.length > 0 ? ["Properties"] : []), ...(tags ? ["Tags"] : [])],
    Details: properties.map((Name) => ({
      Target: {
        Attribute: "Properties",
        Name,
        RequiresRecreation:
          replacement === "True" ? "Always" : replacement === "Conditional" ? "Conditionally" : "Never",
      },
      Evaluation: "Static",
      ChangeSource: "DirectModification",
    })),
  },
});

export const changeSetSummary = (set: ChangeSetRecord): object => ({
  StackId: set.stackId,
  StackName: set.stackName,
  ChangeSetId: set.id,
  ChangeSetName: set.changeSetName,
  ExecutionStatus: set.executionStatus,
  Status: set.status,
  StatusReason: set.reason,
  CreationTime: time(set.created),
  Description: set.changeSetDescription,
  IncludeNestedStacks: false,
});
