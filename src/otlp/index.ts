export { createOtlp, type Otlp, type OtlpNeeds, type OtlpSettings } from "./otlp.ts";
export type { InvocationSpan } from "./spans.ts";
