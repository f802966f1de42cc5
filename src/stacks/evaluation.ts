import {
  createScope,
  evaluate,
  findUnresolved,
  isMapping,
  type Mapping,
  noValue,
  type Scope,
  Unresolved,
} from "../templates/index.ts";
import { coerced } from "./coercion.ts";
import { invalid } from "./failure.ts";
import type { Output, ResourceRecord } from "./records.ts";
import type { Ready } from "./template.ts";

/** A value that will be known once a resource is there. */
export class Pending extends Unresolved {}

export interface EvaluationNeeds {
  readonly stack: {
    readonly id: string;
    readonly stackName: string;
    readonly account: string;
    readonly region: string;
    readonly notificationArns: readonly string[];
  };
  readonly parameters: ReadonlyMap<string, unknown>;
  /** what a resource is by now */
  resource(logicalId: string): ResourceRecord | undefined;
  /** undefined: no stack exports it */
  exported(name: string): string | undefined;
}

/** A template's values, as far as they are known at this moment. */
export interface Evaluation {
  /** Do its conditions let this resource be? Throws ValidationError when they cannot be decided. */
  has(logicalId: string): boolean;
  properties(logicalId: string): Mapping | Unresolved;
  policies(logicalId: string): { readonly deletionPolicy: string; readonly replacePolicy: string };
  outputs(): readonly Output[] | Unresolved;
  /** assertions of Rules that do not hold */
  broken(): readonly string[];
  /** exports of other stacks that have been asked for */
  readonly imports: ReadonlySet<string>;
}

export function createEvaluation(ready: Ready, needs: EvaluationNeeds): Evaluation {
  const imports = new Set<string>();
  const { stack } = needs;
  const missing = (logicalId: string): Unresolved | undefined => {
    const declared = ready.resources.get(logicalId);
    if (declared === undefined) return undefined;
    return has(logicalId)
      ? new Pending(`${logicalId} is not there yet`)
      : new Unresolved(`Unresolved resource dependencies [${logicalId}] in the Resources block of the template`);
  };
  const known = (logicalId: string): ResourceRecord | undefined => {
    const record = needs.resource(logicalId);
    return record?.physicalId !== undefined && !/IN_PROGRESS|FAILED/.test(record.status) ? record : undefined;
  };
  const scope: Scope = createScope(
    ready.document,
    {
      name: stack.stackName,
      id: stack.id,
      account: stack.account,
      region: stack.region,
      notificationArns: stack.notificationArns,
      exported(name) {
        imports.add(name);
        return needs.exported(name);
      },
    },
    needs.parameters,
    {
      reference: (logicalId) => known(logicalId)?.physicalId ?? missing(logicalId),
      attribute(logicalId, attribute) {
        const record = known(logicalId);
        if (record === undefined) return missing(logicalId);
        if (Object.hasOwn(record.attributes, attribute)) return record.attributes[attribute];
        return new Unresolved(`Requested attribute ${attribute} does not exist in schema for ${record.type}`);
      },
    },
  );

  function has(logicalId: string): boolean {
    const condition = ready.resources.get(logicalId)?.body.Condition;
    if (condition === undefined) return true;
    const holds = scope.condition(String(condition));
    if (holds instanceof Unresolved) throw invalid(`Template error: ${holds.why}`);
    return holds;
  }

  function resultOf(value: unknown): unknown {
    const result = evaluate(value, scope);
    return findUnresolved(result) ?? (result === noValue ? undefined : result);
  }

  return {
    has,
    imports,
    properties(logicalId) {
      const value = resultOf(ready.resources.get(logicalId)?.properties ?? {});
      if (value instanceof Unresolved) return value;
      const { type } = ready.resources.get(logicalId)!;
      const properties = isMapping(value) ? value : {};
      return /^Custom::|CustomResource$/.test(type) ? properties : coerced(properties);
    },
    policies(logicalId) {
      const { body } = ready.resources.get(logicalId)!;
      const textOf = (value: unknown): string => {
        const found = resultOf(value);
        return typeof found === "string" ? found : "Delete";
      };
      return { deletionPolicy: textOf(body.DeletionPolicy), replacePolicy: textOf(body.UpdateReplacePolicy) };
    },
    outputs() {
      const outputs: Output[] = [];
      const declared = isMapping(ready.root.Outputs) ? ready.root.Outputs : {};
      for (const [key, output] of Object.entries(declared)) {
        if (!isMapping(output)) throw invalid(`Template format error: Output ${key} is malformed.`);
        if (output.Condition !== undefined && scope.condition(String(output.Condition)) !== true) continue;
        const value = resultOf(output.Value);
        const name = isMapping(output.Export) ? resultOf(output.Export.Name) : undefined;
        if (value instanceof Unresolved) return value;
        if (name instanceof Unresolved) return name;
        const text = typeof value === "object" ? JSON.stringify(value) : String(value);
        const description = typeof output.Description === "string" ? output.Description : undefined;
        outputs.push({ key, value: text, description, exportName: name === undefined ? undefined : String(name) });
      }
      return outputs;
    },
    broken() {
      const rules = isMapping(ready.root.Rules) ? Object.values(ready.root.Rules).filter(isMapping) : [];
      return rules.flatMap((rule) => {
        if (rule.RuleCondition !== undefined && resultOf(rule.RuleCondition) !== true) return [];
        const assertions = Array.isArray(rule.Assertions) ? rule.Assertions.filter(isMapping) : [];
        return assertions
          .filter(({ Assert }) => resultOf(Assert) === false)
          .map(({ AssertDescription }) => String(AssertDescription ?? "a rule's assertion does not hold"));
      });
    },
  };
}
