import { type Ratio, ratioOfMedians, type Summary, summarize } from "../../src/measure/index.ts";

export type Unit = "ms" | "s" | "MB" | "requests/s" | "sandboxes/s";

/** One row: what was measured, and its samples' summary. */
export interface Measurement extends Summary {
  readonly name: string;
  readonly unit: Unit;
  /** exact versions and settings */
  readonly detail?: string;
}

/** A goal of the project set beside what was measured. */
export interface Verdict {
  /** number of the goal, or its words where it has none */
  readonly goal: number | string;
  readonly what: string;
  readonly subject: string;
  readonly baseline: string;
  readonly unit: Unit;
  /** what both sides measured; undefined: a side is missing */
  readonly sides: { readonly subject: Summary; readonly baseline: Summary } | undefined;
  /** undefined: a side is missing */
  readonly ratio: Ratio | undefined;
  readonly limit: number;
  readonly direction: "at most" | "at least";
  /** undefined: not judged, `note` says why */
  readonly met: boolean | undefined;
  readonly note?: string;
}

/** Where the time of a start went: medians in ms, by phase. */
export interface PhaseRow {
  readonly name: string;
  readonly start: string;
  readonly phases: Readonly<Record<string, number>>;
}

/** What a workload found out. */
export interface WorkloadReport {
  readonly name: string;
  /** the machine never was calm for long enough: nothing here counts */
  readonly loaded: boolean;
  readonly measurements: readonly Measurement[];
  readonly verdicts: readonly Verdict[];
  readonly phases: readonly PhaseRow[];
  /** what could not be had on this machine, and why */
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
  readonly notes: readonly string[];
}

/** How a workload is run. */
export interface WorkloadOptions {
  readonly rounds: number | undefined;
  readonly quick: boolean;
  /** parts of the workload, where it has some; undefined: all */
  readonly only?: ReadonlySet<string> | undefined;
  readonly progress: (text: string) => void;
}

export function measurement(name: string, unit: Unit, samples: readonly number[], detail?: string): Measurement {
  return { name, unit, ...summarize(samples), ...(detail === undefined ? {} : { detail }) };
}

/** Sets a goal beside samples, which are ms unless said otherwise. Not judged when a side has no samples or the machine was loaded. */
export function judge(
  goal: Pick<Verdict, "goal" | "what" | "subject" | "baseline" | "limit" | "direction"> &
    Partial<Pick<Verdict, "unit">>,
  samples: ReadonlyMap<string, readonly number[]>,
  loaded: boolean,
): Verdict {
  const { subject, baseline, limit, direction } = goal;
  const base = { unit: "ms", sides: undefined, ratio: undefined, met: undefined, ...goal } as const;
  const [above, below] = [samples.get(subject), samples.get(baseline)];
  const absent = !above?.length ? subject : !below?.length ? baseline : undefined;
  if (absent !== undefined) return { ...base, note: `${absent} is missing` };
  const ratio = ratioOfMedians(above!, below!);
  const found = { ...base, ratio, sides: { subject: summarize(above!), baseline: summarize(below!) } };
  if (loaded) return { ...found, note: "the machine was loaded: does not count" };
  return { ...found, met: direction === "at most" ? ratio.value <= limit : ratio.value >= limit };
}

/** A goal about a subject's own tail: p99 over p50, both of the same samples (Efron's bootstrap says nothing useful of a p99: no interval). */
export function judgeTail(
  goal: Pick<Verdict, "goal" | "what" | "subject" | "limit">,
  samples: readonly number[],
  loaded: boolean,
): Verdict {
  const sides = samples.length === 0 ? undefined : { subject: summarize(samples), baseline: summarize(samples) };
  const value = sides === undefined ? undefined : sides.subject.p99 / sides.subject.p50;
  const ratio = value === undefined ? undefined : { value, low: value, high: value };
  const base = { ...goal, baseline: "its own p50", unit: "ms", direction: "at most", sides, ratio } as const;
  if (value === undefined) return { ...base, met: undefined, note: `${goal.subject} is missing` };
  if (loaded) return { ...base, met: undefined, note: "the machine was loaded: does not count" };
  return { ...base, met: value <= goal.limit };
}

/** The same verdict, not counted, because of `why`; what was measured is still shown. */
export function uncounted(verdict: Verdict, why: string | undefined): Verdict {
  return why === undefined ? verdict : { ...verdict, met: undefined, note: why };
}

/** How many rounds were discarded, with one example why. */
export function discards(reasons: readonly string[]): string[] {
  return reasons.length === 0 ? [] : [`${reasons.length} rounds discarded, such as: ${reasons[0]}`];
}

/** How text is styled: identity when piped or with NO_COLOR (no-color.org). */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
}

export function styleFor(stream: { readonly isTTY?: boolean }): Style {
  const on = stream.isTTY === true && !process.env.NO_COLOR;
  const sgr = (code: number) => (text: string) => (on ? `\u001b[${code}m${text}\u001b[0m` : text);
  return { bold: sgr(1), dim: sgr(2), good: sgr(32), bad: sgr(31) };
}

/** Columns aligned, numbers (cells that start with a digit, `<` or `–`) to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], style: Style): string {
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const right = head.map((_, i) => rows.length > 0 && rows.every((row) => /^[\d<–]/.test(row[i] ?? "–")));
  const line = (cells: readonly string[]): string =>
    widths
      .map((width, i) => (right[i] ? (cells[i] ?? "").padStart(width) : (cells[i] ?? "").padEnd(width)))
      .join("  ")
      .trimEnd();
  return [style.bold(line(head)), ...rows.map(line)].join("\n");
}

/** Three significant digits: 0.0123, 1.23, 12.3, 123, 12,345. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
  return value.toPrecision(3);
}

/** A report as people read it. */
export function render(report: WorkloadReport, style: Style): string {
  const parts = [style.bold(`# ${report.name}`)];
  if (report.loaded) parts.push(style.bad("THE MACHINE WAS LOADED: these numbers do not count, no goal is judged."));
  if (report.measurements.length > 0) {
    parts.push(
      table(
        ["what", "p50", "95 % of p50", "p99", "min", "n", "unit", "detail"],
        report.measurements.map((m) => [
          m.name,
          figure(m.p50),
          `${figure(m.low)} – ${figure(m.high)}`,
          figure(m.p99),
          figure(m.min),
          String(m.count),
          m.unit,
          m.detail ?? "",
        ]),
        style,
      ),
    );
  }
  if (report.phases.length > 0) parts.push(renderPhases(report.phases, style));
  if (report.verdicts.length > 0) parts.push(report.verdicts.map((v) => renderVerdict(v, style)).join("\n"));
  for (const { name, reason } of report.missing) parts.push(style.dim(`not measured: ${name}: ${reason}`));
  for (const note of report.notes) parts.push(style.dim(note));
  return parts.join("\n\n");
}

export function renderPhases(rows: readonly PhaseRow[], style: Style): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.phases)))];
  return table(
    ["phases, p50 ms", "start", ...names],
    rows.map((row) => [row.name, row.start, ...names.map((name) => row.phases[name]?.toFixed(2) ?? "–")]),
    style,
  );
}

function renderVerdict(v: Verdict, style: Style): string {
  const sign = v.direction === "at most" ? "≤" : "≥";
  const measured = v.ratio
    ? `${figure(v.ratio.value)}× (${figure(v.ratio.low)} – ${figure(v.ratio.high)})`
    : "not measured";
  const word = v.met === undefined ? style.dim("not judged") : v.met ? style.good("met") : style.bad("NOT MET");
  const note = v.note === undefined ? "" : `; ${v.note}`;
  const goal = typeof v.goal === "number" ? `goal ${v.goal}` : v.goal;
  return `${goal}: ${v.what}: ${v.subject} / ${v.baseline} = ${measured}, goal ${sign} ${v.limit}×: ${word}${note}`;
}
