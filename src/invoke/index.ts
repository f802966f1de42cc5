export { createInvoke, type InvokeNeeds } from "./invoke.ts";
