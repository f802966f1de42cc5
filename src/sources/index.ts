export { type Counter, type Counts, counterNames } from "./counters.ts";
export type { MappingState, MappingStatus } from "./life.ts";
export { createSources, endpointTag, type MappingSummary, type Sources, type SourcesNeeds } from "./sources.ts";
