import type { IsolationOptions } from "../isolation.ts";

/** A driver under the contract. `cannot`: why it does not isolate; the tests that need it are skipped with this reason. */
export interface Subject {
  readonly options: Partial<IsolationOptions>;
  readonly cannot?: string;
  /** what this machine's container driver lacks (a platform started by an ordinary user) */
  readonly lacks?: readonly ("memory" | "freezer")[];
}
