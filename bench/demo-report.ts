import { figure, type PhaseRow, renderPhases, type Style, table } from "./harness/report.ts";
import type { Summary } from "./harness/statistics.ts";
import { mission } from "./mission.ts";

/** One runtime of the demo. All times are ms. */
export interface Row {
  readonly name: string;
  readonly version: string;
  /** from writing the request to reading the answer's first byte */
  readonly cold: Summary;
  readonly warm: Summary;
  /** medians of a cold and of a warm call, by the server's own clock */
  readonly phases: Readonly<Record<string, number>>;
  readonly warmPhases: Readonly<Record<string, number>>;
  /** what the client saw beyond the server's total: its own sockets and event loop, the kernel, the reading of HTTP */
  readonly outside: { readonly cold: Summary; readonly warm: Summary };
  /** median share of a cold start that no phase accounts for */
  readonly unexplained: number;
  readonly mission: { readonly cold?: number | undefined; readonly warm?: number | undefined };
}

export interface DemoReport {
  readonly driver: string;
  readonly memoryMb: number;
  readonly calls: { readonly cold: number; readonly warm: number };
  /** what else the machine did before the first call; absent: nothing much */
  readonly busy?: string;
  readonly runtimes: readonly Row[];
  /** what this machine cannot run, and why */
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
}

/** The demo's tables as people read them. */
export function renderDemo({ driver, memoryMb, calls, busy, runtimes, missing }: DemoReport, style: Style): string {
  const against = (ours: number, theirs: number | undefined): string[] =>
    theirs === undefined ? ["–", "–"] : [String(theirs), `${figure(ours / theirs)}×`];
  const head = ["runtime", "version", "cold p50", "p99", "mission", "ratio", "warm p50", "p99", "mission", "ratio"];
  const body = runtimes.map((row) => [
    row.name,
    row.version,
    ...[row.cold.p50.toFixed(1), row.cold.p99.toFixed(1), ...against(row.cold.p50, row.mission.cold)],
    ...[row.warm.p50.toFixed(2), row.warm.p99.toFixed(2), ...against(row.warm.p50, row.mission.warm)],
  ]);
  const isolation =
    driver === "container"
      ? "Every cold start was checked from inside its handler: own user, mnt, pid, net, ipc and uts namespaces, seccomp filter, no new privileges, not root, read-only root."
      : style.bad(`NOT ISOLATED: this machine allows the ${driver} driver only (thaw doctor says why).`);
  return [
    `Milliseconds from the request to the answer's first byte; ${calls.cold} cold and ${calls.warm} warm calls each, ${memoryMb} MB (one vCPU).`,
    table(head, body, style),
    ...(busy === undefined ? [] : [style.bad(`The machine was loaded (${busy}): take no figure from this run.`)]),
    "Where the time went, by the server's own clock; `outside` is what the client saw beyond the server's total (its own sockets and event loop, the kernel, the reading of HTTP):",
    renderPhases(phaseRows(runtimes), style),
    isolation,
    ...missing.map(({ name, reason }) => style.dim(`not shown: ${name}: ${reason}`)),
    style.dim("The mission's figures are AWS Lambda's, from its document, on other machines."),
  ].join("\n\n");
}

function phaseRows(runtimes: readonly Row[]): PhaseRow[] {
  const { request, scheduling, vm, runtime, code } = mission.breakdown;
  const parts = { admit: request, place: scheduling, sandbox: vm, runtimeBoot: runtime, codeInit: code };
  const total = Object.values(parts).reduce((sum, ms) => sum + ms, 0);
  return [
    ...runtimes.map(({ name, phases, outside }) => ({
      name,
      start: "cold",
      phases: { ...phases, outside: outside.cold.p50 },
    })),
    { name: "mission document", start: "cold", phases: { ...parts, total } },
    ...runtimes.map(({ name, warmPhases, outside }) => ({
      name,
      start: "warm",
      phases: { ...warmPhases, outside: outside.warm.p50 },
    })),
  ];
}
