export { createDoors } from "./doors.ts";
export { createEvents } from "./events.ts";
export { runtimesInUse } from "./owned.ts";
export { createRunning } from "./running.ts";
export { openStores } from "./stores.ts";
