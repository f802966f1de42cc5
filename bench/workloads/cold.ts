import type { WorkloadOptions, WorkloadReport } from "../harness/report.ts";
import { startServer } from "../subject/index.ts";
import { coldStarts } from "./cold-starts.ts";
import { compiledAhead } from "./compiled-ahead.ts";

/**
 * Goals 1 to 5, the plain side: from the request to the first byte of the answer of a function of which no environment is
 * alive and no image is used, against a fresh process of the same binary.
 */
export async function cold(options: WorkloadOptions): Promise<WorkloadReport> {
  const server = await startServer({ THAW_SNAPSHOTS: "off", THAW_PREPARE: "off" });
  const report = await coldStarts(server, options, {
    name: "cold",
    ready: async () => undefined,
    again: (fn) => server.chill(fn.name),
    wanted: "plain",
    without: () => undefined,
    notes: () => [
      "Images are off here: the goals 1 to 4 are about starts from one (`npm run bench -- restore`).",
      "Nothing is compiled ahead: every start is the first one of a version.",
    ],
  });
  return { ...report, notes: [...report.notes, ...(await compiledAhead(options))] };
}
