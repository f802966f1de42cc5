/**
 * CloudFormation's stacks: `createStacks()` knows what they are, plans by comparing, and has the platform's own services make,
 * change and delete what is in them (`resources/`, a handler for each type).
 */
export { StackError } from "./failure.ts";
export { isNoEcho, ssmType } from "./parameters.ts";
export type { Actor, Change, ChangeSetRecord, EventRecord, Output, ResourceRecord, StackRecord } from "./records.ts";
export { type Answers, type Calls, createCalls, knownTypes, type ServiceAnswer } from "./resources/index.ts";
export { createStacks, type Stacks, type StacksNeeds } from "./stacks.ts";
export { type Asker, previous, type Wish } from "./wishes.ts";
