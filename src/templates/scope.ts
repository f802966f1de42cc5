import { isMapping, type TemplateDocument } from "./document.ts";
import { evaluateCondition, noValue, type Scope, Unresolved } from "./evaluate.ts";

/** What a template is deployed as. */
export interface Stack {
  readonly name: string;
  /** ARN; left out: one of no stack that there is */
  readonly id?: string;
  readonly account: string;
  readonly region: string;
  readonly notificationArns?: readonly string[];
  /** what other stacks export under this name */
  exported?(name: string): unknown;
}

/** How resources answer Ref and GetAtt; undefined where there is no such resource. */
export interface Resources {
  reference(logicalId: string): unknown;
  attribute(logicalId: string, attribute: string): unknown;
}

/** Parameters (their values), pseudo parameters, mappings and conditions of a template, ready to be looked up. */
export function createScope(
  document: TemplateDocument,
  stack: Stack,
  parameters: ReadonlyMap<string, unknown>,
  resources: Resources,
): Scope {
  const { root, positions } = document;
  const conditions = isMapping(root.Conditions) ? root.Conditions : {};
  const mappings = isMapping(root.Mappings) ? root.Mappings : {};
  const decided = new Map<string, boolean | Unresolved>();
  const pseudo = pseudoParameters(stack);

  const scope: Scope = {
    positions,
    region: stack.region,
    reference(name) {
      if (pseudo.has(name)) return pseudo.get(name);
      if (parameters.has(name)) return parameters.get(name);
      return resources.reference(name) ?? new Unresolved(`there is no parameter or resource named ${name}`);
    },
    attribute: (logicalId, attribute) =>
      resources.attribute(logicalId, attribute) ?? new Unresolved(`there is no resource named ${logicalId}`),
    mapping(map, first, second) {
      const outer = Object.hasOwn(mappings, map) ? mappings[map] : undefined;
      const inner = isMapping(outer) && Object.hasOwn(outer, first) ? outer[first] : undefined;
      if (isMapping(inner) && Object.hasOwn(inner, second)) return inner[second];
      return new Unresolved(`Mappings has no ${map}.${first}.${second}`);
    },
    exported: (name) => stack.exported?.(name) ?? new Unresolved(`No export named ${name} found.`),
    condition(name) {
      const known = decided.get(name);
      if (known !== undefined) return known;
      if (!Object.hasOwn(conditions, name)) return new Unresolved(`there is no condition named ${name}`);
      // stands until the real answer is there, so that a circle ends
      decided.set(name, new Unresolved(`condition ${name} depends on itself`));
      const answer = evaluateCondition(conditions[name], scope);
      decided.set(name, answer);
      return answer;
    },
  };
  return scope;
}

const noStack = "00000000-0000-0000-0000-000000000000";

/** Source: CloudFormation User Guide, "Pseudo parameters reference". */
function pseudoParameters(stack: Stack): Map<string, unknown> {
  const { account, region, name } = stack;
  return new Map<string, unknown>([
    ["AWS::AccountId", account],
    ["AWS::Region", region],
    ["AWS::Partition", "aws"],
    ["AWS::URLSuffix", "amazonaws.com"],
    ["AWS::StackName", name],
    ["AWS::StackId", stack.id ?? `arn:aws:cloudformation:${region}:${account}:stack/${name}/${noStack}`],
    ["AWS::NotificationARNs", stack.notificationArns ?? []],
    ["AWS::NoValue", noValue],
  ]);
}
