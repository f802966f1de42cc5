export { createDestinations, type DestinationsNeeds } from "./destinations.ts";
export { isUniversal } from "./targets.ts";
