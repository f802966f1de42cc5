export { egressTag } from "./derive.ts";
export type { FunctionEntry, Functions, NewFunction, Publication } from "./functions.ts";
export type { Layers } from "./layers.ts";
export * from "./records.ts";
export { createRegistry, type Registry, type RegistryNeeds } from "./registry.ts";
export { functionNotFound } from "./resolve.ts";
export type { Named, PolicyRecord, RoleRecord } from "./roles.ts";
export { type Content, checkRevision, type Settlement } from "./transitions.ts";
