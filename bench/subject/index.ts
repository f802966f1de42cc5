export * from "./environments.ts";
export * from "./functions.ts";
export * from "./images.ts";
export * from "./isolation.ts";
export * from "./phases.ts";
export * from "./server.ts";
export * from "./traces.ts";
export * from "./versions.ts";
