import type { WorkloadOptions, WorkloadReport } from "../harness/report.ts";
import { type BenchFunction, imaged, startServer } from "../subject/index.ts";
import { coldStarts } from "./cold-starts.ts";

/**
 * Goals 1 to 5 as they are meant: from the request to the first byte of the answer of a function of which no environment
 * is alive, from its image where the platform chose to make one, against a fresh process of the same binary.
 */
export async function restore(options: WorkloadOptions): Promise<WorkloadReport> {
  const server = await startServer();
  const without = new Map<string, string>();
  const optedIn = new Set<string>();
  const ready = async (fn: BenchFunction): Promise<void> => {
    const { why, asked } = await imaged(server, fn);
    if (why !== undefined) without.set(fn.name, why);
    if (asked) optedIn.add(fn.title);
  };
  return coldStarts(server, options, {
    name: "restore",
    ready,
    again: (fn) => (without.has(fn.name) ? server.chill(fn.name) : server.cool(fn.name)),
    wanted: "restore",
    without: (fn) => without.get(fn.name),
    notes: () => (optedIn.size > 0 ? [`with THAW_SNAPSHOT=on, not by default: ${[...optedIn].join("; ")}`] : []),
  });
}
