export { type AdminNeeds, createAdmin, type LogLine } from "./admin/admin.ts";
export { createEdge, type Edge, type EdgeNeeds } from "./edge.ts";
export { recursiveInvocation, traced } from "./lambda-api/lineage.ts";
