/**
 * CloudFormation's stacks: `createStacks()` knows what they are, plans by comparing, and has the platform's own services make,
 * change and delete what is in them (`resources/`, a handler for each type).
 */
export { StackError } from "./failure.ts";
export { isNoEcho, ssmType } from "./parameters.ts";
export type { Actor, Change, ChangeSetRecord, EventRecord, Output, ResourceRecord, StackRecord } from "./records.ts";
export { type Answers, type Calls, createCalls, knownTypes, type ServiceAnswer } from "./resources/index.ts";
export { type Asker, createStacks, previous, type Stacks, type StacksNeeds, type Wish } from "./stacks.ts";
