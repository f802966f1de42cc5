export { createDoors } from "./doors.ts";
export { createEvents } from "./events.ts";
export { runtimesInUse } from "./owned.ts";
export { beginIsolation, createRunning } from "./running.ts";
export { openStores, type Stores } from "./stores.ts";
