export * from "./admission.ts";
export * from "./keep-alive.ts";
export * from "./shares.ts";
