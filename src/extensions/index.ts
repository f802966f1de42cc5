export type { ExtensionFault } from "./desk.ts";
export { Extensions, type ExtensionsNeeds, type ProcessEnd } from "./extensions.ts";
export { refuseAll } from "./requests.ts";
