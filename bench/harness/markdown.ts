import type { Summary } from "../../src/measure/index.ts";
import { banner, type Machine } from "./machine.ts";
import { figure, type Verdict, type WorkloadReport } from "./report.ts";

/** Goals as rows of a Markdown table, below a line that says on what machine they were measured. */
export function markdown(
  machine: Machine,
  reports: readonly (WorkloadReport | { name: string; error: string })[],
): string {
  const verdicts = reports.flatMap((report) => ("error" in report ? [] : report.verdicts));
  const failed = reports.flatMap((report) => ("error" in report ? [`${report.name} failed: ${report.error}`] : []));
  const missing = reports.flatMap((report) => ("error" in report ? [] : report.missing));
  const rows = [...verdicts].sort((a, b) => orderOf(a.goal) - orderOf(b.goal)).map(row);
  const lines = [
    `Measured on: ${banner(machine)}.`,
    "",
    "| goal | what | p50 / p99 (n) | against | its p50 / p99 (n) | ratio (95 %) | goal | verdict |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ...rows,
    "",
    ...[...missing.map(({ name, reason }) => `Not measured: ${name}: ${reason}.`), ...failed].map(
      (text) => `- ${cell(text)}`,
    ),
  ];
  return lines.join("\n").trimEnd();
}

function row(verdict: Verdict): string {
  const { goal, what, subject, baseline, sides, ratio, direction, limit, unit } = verdict;
  const times = (summary: Summary | undefined): string =>
    summary === undefined ? "–" : `${figure(summary.p50)} / ${figure(summary.p99)} ${unit} (${summary.count})`;
  const cells = [
    String(goal),
    `${what}: ${subject}`,
    times(sides?.subject),
    baseline,
    times(sides?.baseline),
    ratio ? `${figure(ratio.value)}× (${figure(ratio.low)} – ${figure(ratio.high)})` : "–",
    `${direction === "at most" ? "≤" : "≥"} ${limit}×`,
    word(verdict),
  ];
  return `| ${cells.map(cell).join(" | ")} |`;
}

function word({ met, note }: Verdict): string {
  const judged = met === undefined ? "not judged" : met ? "met" : "**not met**";
  return note === undefined ? judged : `${judged}: ${note}`;
}

/** Text that cannot end a cell: reasons come from other programs' error messages. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

/** Goals without a number come after the others. */
const orderOf = (goal: number | string): number => (typeof goal === "number" ? goal : Number.MAX_SAFE_INTEGER);
