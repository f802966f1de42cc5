export type { CallbackEnd, CallbackOwner } from "./callbacks.ts";
export type { CheckpointAnswer } from "./checkpoints.ts";
export { createDurable, type Durable, type DurableNeeds } from "./durable.ts";
export type { PauseRequest } from "./pausing.ts";
export { durableLimits, type ErrorObject, type Execution, type HistoryEvent, isClosed } from "./records.ts";
export type { StartRequest } from "./starting.ts";
export type { Listing } from "./store.ts";
export type { OperationUpdate } from "./validate.ts";
export { answerOf, describedExecution, historyView, listedExecution } from "./views.ts";
