export { isMapping, type Mapping, type Positions, readTemplate, type TemplateDocument } from "./document.ts";
export { evaluate, evaluateCondition, findUnresolved, noValue, type Scope, Unresolved } from "./evaluate.ts";
export { createFindings, type Finding, type Findings, formatFinding } from "./findings.ts";
export { ForEachError, unrolled } from "./for-each.ts";
export { inOrderOf, namesIn } from "./references.ts";
export { samTransform, TransformError, transformed } from "./sam/transform.ts";
export { createScope, type Resources, type Stack } from "./scope.ts";
