export { createDestinations, type DestinationsNeeds } from "./destinations.ts";
