export * from "./functions.ts";
export * from "./isolation.ts";
export * from "./phases.ts";
export * from "./server.ts";
