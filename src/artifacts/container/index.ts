export { createArchives } from "./archive-source.ts";
export { createEndpoints, type RegistrySettings } from "./endpoints.ts";
export { type ContainerImages, createContainerImages, type ReadyImage } from "./images.ts";
export type { FindOwn, OwnRepository, Puller } from "./own-source.ts";
export { ImageRefused, type ImageTrouble } from "./refused.ts";
