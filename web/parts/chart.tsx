import { type Signal, useSignal } from "@preact/signals";
import type { Points } from "../metrics.ts";
import { clockTime } from "../words.ts";

export interface Line {
  readonly name: string;
  /** a property of the style sheet: `--run` */
  readonly colour: string;
  readonly points: Points;
  readonly dashed?: boolean;
  /** filled down to the ground */
  readonly area?: boolean;
  /** a time without a point means nought, not that nothing is known */
  readonly counts?: boolean;
}

export interface ChartProps {
  readonly title: string;
  readonly lines: readonly Line[];
  /** milliseconds since the epoch */
  readonly from: number;
  readonly to: number;
  readonly periodMs: number;
  readonly format: (value: number) => string;
  /** a line across, from which on it is too much */
  readonly threshold?: number;
  /** where the reader points at, shared by charts that show the same time */
  readonly at?: Signal<number | undefined>;
}

const width = 600;
const height = 150;

/** Lines over time, with the values at the place that is pointed at, by mouse, finger or arrow keys. */
export function Chart({ title, lines, from, to, periodMs, format, at, threshold }: ChartProps) {
  const own = useSignal<number | undefined>(undefined);
  const pointed = at ?? own;
  const filled = lines.map((line) => ({
    ...line,
    points: line.counts ? withNoughts(line.points, from, to, periodMs) : line.points,
  }));
  const empty = lines.every(({ points }) => points.length === 0);
  const top = niceAbove(
    Math.max(0, threshold ?? 0, ...filled.flatMap(({ points }) => points.map(({ value }) => value))),
  );
  const x = (moment: number) => ((moment - from) / Math.max(1, to - from)) * width;
  const y = (value: number) => height - (value / top) * height;
  const moment =
    pointed.value === undefined ? undefined : Math.round((pointed.value - from) / periodMs) * periodMs + from;
  const values = filled.map((line) => `${line.name} ${valueAt(line, moment, periodMs, format)}`).join(", ");
  const spoken = `${timeOf(moment ?? to, to - from)}: ${values}`;
  const step = (event: KeyboardEvent) => {
    const by = event.key === "ArrowLeft" ? -periodMs : event.key === "ArrowRight" ? periodMs : 0;
    if (by === 0) return;
    event.preventDefault();
    pointed.value = Math.max(from, Math.min(to, (moment ?? to) + by));
  };
  const point = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const share = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
    pointed.value = from + share * (to - from);
  };
  return (
    <figure class="chart">
      <figcaption>
        <strong>{title}</strong>
        <span class="key">
          {filled.map((line) => (
            <span key={line.name}>
              <i class={line.dashed ? "dash" : ""} style={{ background: `var(${line.colour})` }} aria-hidden="true" />
              {line.name} <b>{valueAt(line, moment, periodMs, format)}</b>
            </span>
          ))}
        </span>
      </figcaption>
      <div class="frame">
        <div class="ticks" aria-hidden="true">
          {[1, 0.5, 0].map((share) => (
            <span key={share}>{empty && share > 0 ? "" : format(top * share)}</span>
          ))}
        </div>
        <div
          class="plane"
          tabIndex={0}
          role="slider"
          aria-label={`${title}: time`}
          aria-valuemin={from}
          aria-valuemax={to}
          aria-valuenow={moment ?? to}
          aria-valuetext={spoken}
          onKeyDown={step}
          onPointerMove={point}
          onPointerLeave={() => {
            pointed.value = undefined;
          }}
          onBlur={() => {
            pointed.value = undefined;
          }}
        >
          <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img">
            <title>{summaryOf(title, lines, format)}</title>
            {[0, 0.5, 1].map((share) => (
              <line key={share} class="rule" x1="0" x2={width} y1={height * share} y2={height * share} />
            ))}
            {threshold !== undefined && (
              <line class="threshold" x1="0" x2={width} y1={y(threshold)} y2={y(threshold)} />
            )}
            {filled
              .filter(isDrawn)
              .flatMap((line) =>
                runsOf(line.points, periodMs).map((run) => (
                  <Curve key={`${line.name} ${run[0]!.at}`} of={line} run={run} to={to} x={x} y={y} />
                )),
              )}
            {moment !== undefined && <line class="cross" x1={x(moment)} x2={x(moment)} y1="0" y2={height} />}
          </svg>
          {empty && <span class="nothing">Nothing in this time</span>}
        </div>
        <div class="times" aria-hidden="true">
          <span>{timeOf(from, to - from)}</span>
          {moment !== undefined && <b>{timeOf(moment, to - from)}</b>}
          <span>{timeOf(to, to - from)}</span>
        </div>
      </div>
    </figure>
  );
}

interface CurveProps {
  readonly of: Line;
  readonly run: Points;
  readonly to: number;
  readonly x: (at: number) => number;
  readonly y: (value: number) => number;
}

/** Points without a gap. What is of the time that is not over yet is fainter: it is still to grow. */
function Curve({ of, run, to, x, y }: CurveProps) {
  const places = run.map(({ at, value }) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
  const [first, last] = [x(run[0]!.at).toFixed(1), x(run.at(-1)!.at).toFixed(1)];
  const unfinished = run.at(-1)!.at >= to && run.length > 1;
  const known = unfinished ? places.slice(0, -1) : places;
  return (
    <g style={{ color: `var(${of.colour})` }}>
      {of.area && <path class="area" d={`M${first},${height}L${places.join("L")}L${last},${height}Z`} />}
      {known.length > 1 ? (
        <path class={of.dashed ? "curve dashed" : "curve"} d={`M${known.join("L")}`} />
      ) : (
        <path class="curve dot" d={`M${known[0]}h.01`} />
      )}
      {unfinished && <path class="curve faint" d={`M${places.slice(-2).join("L")}`} />}
    </g>
  );
}

/** A line of noughts would only lie on the ground. */
const isDrawn = ({ points }: Line): boolean => points.length > 0 && points.some(({ value }) => value !== 0);

/** The value at a moment, or the last there is. */
function valueAt(
  { points, counts }: Line,
  moment: number | undefined,
  periodMs: number,
  format: (value: number) => string,
): string {
  if (moment === undefined) return points.length === 0 ? "–" : format(points.at(-1)!.value);
  const found = points.find(({ at }) => Math.abs(at - moment) < periodMs / 2);
  return found === undefined ? (counts ? format(0) : "–") : format(found.value);
}

/** Where nothing was counted there was nothing, up to the last moment that is known. */
function withNoughts(points: Points, from: number, to: number, periodMs: number): Points {
  if (points.length === 0) return points;
  const known = new Map(points.map(({ at, value }) => [at, value]));
  const first = points[0]!.at;
  const begin = first - Math.floor((first - from) / periodMs) * periodMs;
  const full: { at: number; value: number }[] = [];
  for (let at = begin; at <= to - periodMs || at <= points.at(-1)!.at; at += periodMs)
    full.push({ at, value: known.get(at) ?? 0 });
  return full;
}

/** Points that follow each other without a gap. */
function runsOf(points: Points, periodMs: number): Points[] {
  const runs: { at: number; value: number }[][] = [];
  for (const point of points) {
    const last = runs.at(-1);
    if (last && point.at - last.at(-1)!.at <= periodMs * 1.5) last.push(point);
    else runs.push([point]);
  }
  return runs;
}

/** 1, 2 or 5 with noughts behind it. */
export function niceAbove(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find((step) => step * power >= value) ?? 10) * power;
}

function summaryOf(title: string, lines: readonly Line[], format: (value: number) => string): string {
  const parts = lines.map(({ name, points }) => {
    if (points.length === 0) return `${name}: nothing`;
    return `${name}: last ${format(points.at(-1)!.value)}, most ${format(Math.max(...points.map(({ value }) => value)))}`;
  });
  return `${title}. ${parts.join("; ")}`;
}

const dayMs = 86_400_000;
const timeOf = (at: number, spanMs: number): string =>
  spanMs <= dayMs
    ? clockTime(at).slice(0, 5)
    : new Date(at).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
