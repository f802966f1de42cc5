export { type Credentials, createDestinations, type DestinationsNeeds, type Upstream } from "./destinations.ts";
