export type { Environment, Run, StartMarks } from "./environment.ts";
export * from "./environments.ts";
export type { EnvironmentLog } from "./needs.ts";
