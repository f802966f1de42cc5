export * from "./artifacts.ts";
export type { ArtifactsNeeds } from "./create-artifacts.ts";
export { createArtifacts } from "./create-artifacts.ts";
