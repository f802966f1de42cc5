export * from "./artifacts.ts";
export type { Compiled, CompiledFiles, CompiledOwner } from "./compiled.ts";
export { CompiledRefused, checkCompiledName, compiledLimits } from "./compiled.ts";
export {
  type ContainerImages,
  createArchives,
  type FindOwn,
  ImageRefused,
  type ImageTrouble,
  type ReadyImage,
  type RegistrySettings,
} from "./container/index.ts";
export type { ArtifactsNeeds } from "./create-artifacts.ts";
export { createArtifacts } from "./create-artifacts.ts";
