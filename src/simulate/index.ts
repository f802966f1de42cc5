export * from "./burst.ts";
export * from "./cost.ts";
export * from "./policies.ts";
export * from "./simulation.ts";
export * from "./traffic.ts";
export * from "./world.ts";
