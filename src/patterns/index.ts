export { compileFilterPolicy, type FilterPolicyScope, type PolicyMessage } from "./filter-policy.ts";
export { compilePattern, type Pattern } from "./pattern.ts";
export { PatternError } from "./tree.ts";
