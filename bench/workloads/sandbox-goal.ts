import { discards, judge, measurement, type WorkloadOptions, type WorkloadReport } from "../harness/report.ts";
import { run, sandboxRows } from "./sandbox.ts";

/** Goal 7: an empty sandbox with full isolation, created to its first instruction, against bwrap and runc. */
export async function sandbox(options: WorkloadOptions): Promise<WorkloadReport> {
  const rounds = options.rounds ?? (options.quick ? 3 : 20);
  const { rows, missing, discarded, loaded } = await run({ rounds, progress: options.progress });
  const samples = new Map(rows.map((row) => [row.name, row.samples]));
  const goal = { goal: 7, what: "empty sandbox", subject: sandboxRows.ready, direction: "at most" } as const;
  return {
    name: "sandbox",
    loaded,
    measurements: rows.map((row) => measurement(row.name, "ms", row.samples, row.detail)),
    verdicts: [
      judge({ ...goal, baseline: sandboxRows.bwrap, limit: 0.35 }, samples, loaded),
      judge({ ...goal, baseline: sandboxRows.runc, limit: 0.06 }, samples, loaded),
    ],
    phases: [],
    missing,
    notes: discards(discarded),
  };
}
