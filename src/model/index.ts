export * from "./clock.ts";
export * from "./errors.ts";
export * from "./function-version.ts";
export * from "./invocation.ts";
export * from "./limits.ts";
export * from "./posting.ts";
export * from "./tenancy.ts";
