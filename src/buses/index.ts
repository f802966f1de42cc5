export type { Archives } from "./archives/archives.ts";
export {
  type ArchiveRecord,
  archiveArn,
  isGoing,
  type ReplayRecord,
  type ReplayState,
  replayArn,
} from "./archives/records.ts";
export type { Replays } from "./archives/replays.ts";
export { type Buses, createBuses } from "./buses.ts";
export { type Entry, type EntryError, entryBytes, entryError, eventOf, mostEntryBytes } from "./entries.ts";
export type { NewEvent as NewBusEvent } from "./envelope.ts";
export { InvalidSchedule, nextDue, ruleSchedule } from "./expression.ts";
export { checkInput, InvalidInput } from "./input.ts";
export { type BusesNeeds, type FunctionName, functionOf } from "./needs.ts";
export * from "./records.ts";
export { defaultGroup, type Schedules } from "./schedules.ts";
export { isTarget } from "./targets.ts";
