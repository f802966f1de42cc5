export * from "./cache.ts";
export * from "./go-modules.ts";
export * from "./java.ts";
export * from "./peer.ts";
export * from "./programs.ts";
export * from "./servers.ts";
export * from "./versions.ts";
