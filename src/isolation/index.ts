export * from "./driver.ts";
export * from "./isolation.ts";
