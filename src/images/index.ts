export * from "./fingerprint.ts";
export * from "./images.ts";
export * from "./machine.ts";
