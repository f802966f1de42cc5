export { createQueue, type EventQueue, type QueueCounts, type QueueNeeds } from "./queue.ts";
export type { EventSettings } from "./running.ts";
export { type Delivery, DeliveryRefused } from "./sending.ts";
