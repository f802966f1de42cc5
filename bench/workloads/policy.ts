import {
  clairvoyantColdStarts,
  fixedPolicy,
  makeTrace,
  predictivePolicy,
  type ReplayPolicy,
  type ReplayResult,
  replay,
} from "../../src/capacity/index.ts";
import { judge, measurement, table, type WorkloadOptions, type WorkloadReport } from "../harness/report.ts";
import { hybridHistogramPolicy } from "./policy-rivals.ts";

const dayMs = 24 * 3600e3;
const keepAliveMs = 600e3;
/** what a cold start makes a caller wait in these figures; only their ratio is a result */
const coldSeconds = 0.1;
const ours = "predictive 10 min";
const fixed = "fixed 10 min";
const optimum = "clairvoyant, equal memory";

/**
 * Goal 16: how long callers wait for starts in a week of made-up traffic, with the production policy on a virtual clock,
 * against ten fixed minutes for the same memory and against who knows the future. Nothing here depends on the machine.
 */
export async function policy(options: WorkloadOptions): Promise<WorkloadReport> {
  const seeds = options.rounds ?? (options.quick ? 2 : 5);
  const days = options.quick ? 4 : 7;
  const waits = new Map<string, number[]>();
  const rows: string[][] = [];
  const wait = (name: string, coldStarts: number) =>
    waits.set(name, [...(waits.get(name) ?? []), coldStarts * coldSeconds]);
  for (let seed = 1; seed <= seeds; seed++) {
    options.progress(`trace ${seed} of ${seeds}`);
    const trace = makeTrace({ seed, functions: 400, days, callsADayAtMost: 300 });
    const run = (candidate: ReplayPolicy) => replay(trace, days * dayMs, candidate);
    const plain = run(fixedPolicy(keepAliveMs));
    // Three times the time: about the memory that the hybrid histogram takes.
    const others = [predictivePolicy(keepAliveMs), predictivePolicy(3 * keepAliveMs), hybridHistogramPolicy()];
    for (const result of [plain, ...others.map(run)]) {
      wait(result.policy, result.coldStarts);
      rows.push(row(seed, result, plain));
    }
    const best = clairvoyantColdStarts(trace, plain.idleGbSeconds);
    wait(optimum, best);
    rows.push([String(seed), optimum, String(best), (best / plain.coldStarts).toFixed(2), "1.00", "0"]);
  }
  const goal = { goal: 16, subject: ours, direction: "at most", unit: "s" } as const;
  return {
    name: "policy",
    loaded: false,
    measurements: [...waits].map(([name, seconds]) =>
      measurement(`${name}: all callers' wait for starts`, "s", seconds, `${coldSeconds} s each; one sample a trace`),
    ),
    verdicts: [
      judge({ ...goal, what: "waits for starts", baseline: fixed, limit: 0.5 }, waits, false),
      judge({ ...goal, what: "waits for starts", baseline: optimum, limit: 1.35 }, waits, false),
    ],
    phases: [],
    missing: [],
    notes: [
      table(["trace", "policy", "cold starts", "of fixed", "its memory", "prewarms"], rows, plainStyle),
      "Traces: 400 functions each, after the published distributions of Azure Functions (src/capacity/trace.ts).",
      "The clairvoyant holds through the cheapest gaps and starts nothing of its own accord; with that it would need no memory.",
    ],
  };
}

const plainStyle = { bold: same, dim: same, good: same, bad: same };

function same(text: string): string {
  return text;
}

function row(seed: number, result: ReplayResult, plain: ReplayResult): string[] {
  return [
    String(seed),
    result.policy,
    String(result.coldStarts),
    (result.coldStarts / plain.coldStarts).toFixed(2),
    (result.idleGbSeconds / plain.idleGbSeconds).toFixed(2),
    String(result.prewarms),
  ];
}
