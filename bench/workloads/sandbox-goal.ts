import type { WorkloadOptions, WorkloadReport } from "../harness/report.ts";

/** Goal 7: an empty sandbox with full isolation, created to its first instruction, against bwrap and runc. */
export async function sandbox(_options: WorkloadOptions): Promise<WorkloadReport> {
  throw new Error("bench/workloads/sandbox.ts is missing");
}
