import { isNoEcho, StackError } from "../../../stacks/index.ts";
import type { StackOperation, TemplateInput } from "./operation.ts";

const invalid = (message: string): StackError => new StackError("ValidationError", message);

/** The texts that a parameter's declaration has. */
const textOf = (value: unknown): string | undefined =>
  value === undefined || value === null ? undefined : String(value);

export const getTemplateSummary: StackOperation<TemplateInput & { readonly StackName?: string }> = async (call) => {
  const { input, stacks, account, region } = call;
  const stack = input.StackName === undefined ? undefined : stacks.store.find(account, region, input.StackName);
  if (input.StackName !== undefined && stack === undefined)
    throw invalid(`Stack with id ${input.StackName} does not exist`);
  const text = stack === undefined ? await call.template(input) : stacks.store.text(account, stack.template);
  if (text === undefined) throw invalid("Either Template URL or Template Body must be specified.");
  const { template, needed, reason } = stacks.summary(text);
  const { root } = template;
  const resources = Object.entries(root.Resources as Record<string, { Type?: unknown }>);
  return {
    Parameters: Object.entries(template.parameters).map(([ParameterKey, declaration]) => ({
      ParameterKey,
      DefaultValue: textOf(declaration.Default),
      ParameterType: textOf(declaration.Type),
      NoEcho: isNoEcho(declaration),
      Description: textOf(declaration.Description),
      ParameterConstraints: {
        AllowedValues: Array.isArray(declaration.AllowedValues) ? declaration.AllowedValues.map(String) : undefined,
      },
    })),
    Description: template.description,
    Capabilities: needed,
    CapabilitiesReason: reason,
    ResourceTypes: [...new Set(resources.map(([, { Type }]) => String(Type)))],
    Version: textOf(root.AWSTemplateFormatVersion)?.slice(0, 10),
    Metadata: root.Metadata === undefined ? undefined : JSON.stringify(root.Metadata),
    DeclaredTransforms: template.transforms,
  };
};

export const validateTemplate: StackOperation<TemplateInput> = async (call) => {
  const text = await call.template(call.input);
  if (text === undefined) throw invalid("Either Template URL or Template Body must be specified.");
  const { template, needed, reason } = call.stacks.summary(text);
  return {
    Parameters: Object.entries(template.parameters).map(([ParameterKey, declaration]) => ({
      ParameterKey,
      DefaultValue: textOf(declaration.Default),
      NoEcho: isNoEcho(declaration),
      Description: textOf(declaration.Description),
    })),
    Description: template.description,
    Capabilities: needed,
    CapabilitiesReason: reason,
    DeclaredTransforms: template.transforms,
  };
};

export const getTemplate: StackOperation<{
  readonly StackName?: string;
  readonly ChangeSetName?: string;
  readonly TemplateStage?: string;
}> = ({ input, stacks, account, region }) => {
  const { StackName, ChangeSetName, TemplateStage } = input;
  const of =
    ChangeSetName === undefined
      ? stacks.store.find(account, region, StackName ?? "")
      : stacks.store.changeSet(account, region, ChangeSetName, StackName);
  if (of === undefined && ChangeSetName !== undefined) {
    throw new StackError("ChangeSetNotFound", `ChangeSet [${ChangeSetName}] does not exist`, 404);
  }
  if (of === undefined) throw invalid(`Stack with id ${StackName} does not exist`);
  const text = stacks.store.text(account, of.template);
  const { template } = stacks.summary(text);
  // What was processed is a document of JSON, whatever the original was written in.
  const body =
    TemplateStage === "Processed" && template.transforms.length > 0 ? JSON.stringify(stacks.processed(of)) : text;
  return { TemplateBody: body, StagesAvailable: ["Original", "Processed"] };
};
