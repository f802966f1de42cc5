export { kafka } from "./kafka.ts";
