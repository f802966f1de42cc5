export { type ExtensionFault, Extensions, type ExtensionsNeeds, type ProcessEnd } from "./extensions.ts";
export { refuseAll } from "./requests.ts";
