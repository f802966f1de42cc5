export * from "./admission.ts";
export * from "./fixed-keep-alive.ts";
export * from "./keep-alive.ts";
export * from "./scale-out.ts";
export * from "./shares.ts";
