export { isBare } from "./bare.ts";
export type { Environment, Run, StartMarks } from "./environment.ts";
export * from "./environments.ts";
