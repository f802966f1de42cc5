import { isolationContract } from "./contract/isolation.contract.ts";
import { lifeContract } from "./contract/life.contract.ts";
import { limitsContract } from "./contract/limits.contract.ts";
import type { Subject } from "./contract/subject.ts";

/** What every driver promises (driver.ts). Uses the real agent. */
export function driverContract(name: string, subject: Subject): void {
  lifeContract(name, subject);
  isolationContract(name, subject);
  limitsContract(name, subject);
}
