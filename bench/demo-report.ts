import type { Summary } from "../src/measure/index.ts";
import { figure, type PhaseRow, renderPhases, type Style, table } from "./harness/report.ts";
import { mission } from "./mission.ts";

/** Ways to a new environment that the demo sets side by side. */
export const rungs = ["plain", "pool", "restore"] as const;
export type Rung = (typeof rungs)[number];

/** Cold calls by one way of starting. All times are ms. */
export interface Start {
  /** from writing the request to reading the answer's first byte */
  readonly firstByte: Summary;
  /** medians by the server's own clock */
  readonly phases: Readonly<Record<string, number>>;
  /** what the client saw beyond the server's total: its own sockets and event loop, the kernel, the reading of HTTP */
  readonly outside: Summary;
  /** median share that no phase accounts for */
  readonly unexplained: number;
}

/** One runtime of the demo. All times are ms. */
export interface Row {
  readonly name: string;
  readonly version: string;
  readonly starts: Partial<Record<Rung, Start>>;
  /** why a way of starting is not among them */
  readonly without: Partial<Record<Rung, string>>;
  /** whether the function had to ask for copies (THAW_SNAPSHOT=on) */
  readonly asked: boolean;
  readonly warm: Summary;
  readonly warmPhases: Readonly<Record<string, number>>;
  readonly warmOutside: Summary;
  readonly mission: { readonly cold?: number | undefined; readonly warm?: number | undefined };
}

/** The mission's case: a Java function whose init takes five seconds, published with SnapStart. All times are ms. */
export interface JvmCase {
  readonly version: string;
  /** the first call without an image */
  readonly plain: number;
  /** PublishVersion until the version is active: its init and its image */
  readonly publish: number;
  /** the version's first call, and how its environment came to be */
  readonly first: number;
  readonly start: string;
  /** more cold calls */
  readonly cold: Summary;
}

export interface DemoReport {
  readonly driver: string;
  readonly memoryMb: number;
  readonly calls: { readonly cold: number; readonly warm: number };
  /** what else the machine did before the first call; absent: nothing much */
  readonly busy?: string;
  readonly runtimes: readonly Row[];
  readonly jvm?: JvmCase;
  /** what this machine cannot run, and why */
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
}

/** The demo's tables as people read them. */
export function renderDemo(report: DemoReport, style: Style): string {
  const { driver, memoryMb, calls, busy, runtimes, jvm, missing } = report;
  const isolation =
    driver === "container"
      ? "Every cold start was checked from inside its handler: own user, mnt, pid, net, ipc and uts namespaces, seccomp filter, no new privileges, not root, read-only root."
      : style.bad(`NOT ISOLATED: this machine allows the ${driver} driver only (thaw doctor says why).`);
  const absent = runtimes.flatMap(({ name, without }) =>
    Object.entries(without).map(([rung, why]) => style.dim(`not shown: ${name}, ${rung}: ${why}`)),
  );
  const asked = runtimes.filter((row) => row.asked).map(({ name }) => name);
  return [
    `Milliseconds from the request to the answer's first byte; ${calls.cold} cold calls of each kind and ${calls.warm} warm ones, ${memoryMb} MB (one vCPU).`,
    "plain: the runtime boots and loads the code. pool: a runtime that has booted before takes code nobody has seen. restore: a copy of the initialised process, in a sandbox of its own.",
    startsTable(runtimes, style),
    ...(busy === undefined ? [] : [style.bad(`The machine was loaded (${busy}): take no figure from this run.`)]),
    ...(jvm === undefined ? [] : [renderJvm(jvm, style)]),
    "Where the time went, by the server's own clock; `outside` is what the client saw beyond the server's total (its own sockets and event loop, the kernel, the reading of HTTP):",
    renderPhases(phaseRows(runtimes), style),
    isolation,
    ...(asked.length > 0 ? [style.dim(`copies asked for by the variable THAW_SNAPSHOT=on: ${asked.join(", ")}`)] : []),
    ...absent,
    ...missing.map(({ name, reason }) => style.dim(`not shown: ${name}: ${reason}`)),
    style.dim("The mission's figures are AWS Lambda's, from its document, on other machines."),
  ].join("\n\n");
}

function startsTable(runtimes: readonly Row[], style: Style): string {
  const against = (ours: number | undefined, theirs: number | undefined): string[] =>
    theirs === undefined || ours === undefined ? ["–", "–"] : [String(theirs), `${figure(ours / theirs)}×`];
  const head = [
    "runtime",
    "version",
    ...rungs.flatMap((rung) => [rung, "p99"]),
    "mission",
    "best",
    "warm",
    "p99",
    "mission",
    "ratio",
  ];
  const body = runtimes.map((row) => {
    const known = rungs.flatMap((rung) => row.starts[rung]?.firstByte.p50 ?? []);
    const best = known.length > 0 ? Math.min(...known) : undefined;
    return [
      row.name,
      row.version,
      ...rungs.flatMap((rung) => {
        const found = row.starts[rung]?.firstByte;
        return found ? [found.p50.toFixed(1), found.p99.toFixed(1)] : ["–", "–"];
      }),
      ...against(best, row.mission.cold),
      ...[row.warm.p50.toFixed(2), row.warm.p99.toFixed(2), ...against(row.warm.p50, row.mission.warm)],
    ];
  });
  return table(head, body, style);
}

function renderJvm({ version, plain, publish, first, start, cold }: JvmCase, style: Style): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  return [
    style.bold(`Java ${version} with an init of 5 s, SnapStart on published versions:`),
    `  first call without an image        ${seconds(plain)}`,
    `  PublishVersion until it is active  ${seconds(publish)}`,
    `  first call of the version          ${first.toFixed(1)} ms (${start})`,
    `  further cold calls                 p50 ${cold.p50.toFixed(1)} ms, p99 ${cold.p99.toFixed(1)} ms (${cold.count})`,
  ].join("\n");
}

function phaseRows(runtimes: readonly Row[]): PhaseRow[] {
  const { request, scheduling, vm, runtime, code } = mission.breakdown;
  const parts = { admit: request, place: scheduling, sandbox: vm, runtimeBoot: runtime, codeInit: code };
  const total = Object.values(parts).reduce((sum, ms) => sum + ms, 0);
  return [
    ...runtimes.flatMap(({ name, starts }) =>
      rungs.flatMap((rung) => {
        const found = starts[rung];
        return found ? [{ name, start: rung, phases: { ...found.phases, outside: found.outside.p50 } }] : [];
      }),
    ),
    { name: "mission document", start: "cold", phases: { ...parts, total } },
    ...runtimes.map(({ name, warmPhases, warmOutside }) => ({
      name,
      start: "warm",
      phases: { ...warmPhases, outside: warmOutside.p50 },
    })),
  ];
}
