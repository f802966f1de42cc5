export { activemq } from "./activemq.ts";
