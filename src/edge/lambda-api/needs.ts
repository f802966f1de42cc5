import type { Artifacts } from "../../artifacts/index.ts";
import type { Invocation, InvocationResult } from "../../model/index.ts";
import type { Registry } from "../../registry/index.ts";

/** What the Lambda API asks of the rooms below. */
export interface LambdaApiNeeds {
  readonly registry: Registry;
  readonly artifacts: Pick<Artifacts, "putZip" | "getZip" | "unpacked" | "layers" | "runtime" | "storedBytes">;
  /** Runs a function once. Rejects with ServiceError when the platform could not (throttled, …). */
  invoke(invocation: Invocation): Promise<InvocationResult>;
  /** A function was changed or deleted: environments of before are to be drained. */
  retire(account: string, region: string, name: string): void;
  /** Told about every failure that is ours, before it is answered as ServiceException. */
  report(error: unknown): void;
}
