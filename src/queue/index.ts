export { createQueue, type EventQueue, type QueueCounts, type QueueNeeds } from "./queue.ts";
export { DeliveryRefused } from "./refused.ts";
export type { EventSettings } from "./running.ts";
export type { Delivery } from "./sending.ts";
