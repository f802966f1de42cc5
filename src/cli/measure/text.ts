import type { Summary } from "../../measure/index.ts";
import { milliseconds, note, styled, table } from "../output.ts";
import { bins, type Comparison, type Finding } from "./findings.ts";
import type { Progress } from "./run.ts";

export const columns = ["mean", "median", "min", "max", "deviation", "p95", "p99"] as const;

export const figuresOf = (s: Summary): number[] => [s.mean, s.p50, s.min, s.max, s.deviation, s.p95, s.p99];

/** `2 restore, 8 warm; 1 failed: throttled` */
export function outcomes({ starts, failures }: Finding): string {
  const some = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([word, count]) => `${count} ${word}`)
      .join(", ");
  return [some(starts), some(failures) && `failed: ${some(failures)}`].filter(Boolean).join("; ");
}

/** A table of all findings, then a histogram of each. */
export function findingsText(findings: readonly Finding[]): string[] {
  const rows = findings.flatMap((found) =>
    (
      [
        ["", found.latency],
        ["  of it init", found.init],
        ["  of it handler", found.handler],
      ] as const
    ).flatMap(([part, summary], i) =>
      summary === undefined
        ? i === 0
          ? [[`${found.subject} ${found.kind}`, "0", ...columns.map(() => "–"), outcomes(found)]]
          : []
        : [
            [
              i === 0 ? `${found.subject} ${found.kind}` : part,
              String(summary.count),
              ...figuresOf(summary).map(milliseconds),
              i === 0 ? outcomes(found) : "",
            ],
          ],
    ),
  );
  const lines = table(["", "n", ...columns, "starts"], rows);
  for (const found of findings) {
    if (found.samples.length < 3) continue;
    lines.push("", styled("bold", `${found.subject} ${found.kind}`), ...histogram(found.samples));
  }
  return lines;
}

/** A bar a bin. */
export function histogram(samples: readonly number[], width = 40): string[] {
  const bars = bins(samples);
  const most = Math.max(...bars.map((bin) => bin.count));
  return bars.map(({ from, to, count }) => {
    const bar = "█".repeat(count === 0 ? 0 : Math.max(1, Math.round((count / most) * width)));
    const range = `${milliseconds(from).padStart(8)} – ${milliseconds(to).padStart(8)}`;
    return `  ${range}  ${styled("cyan", bar.padEnd(width))} ${count}`;
  });
}

/** What a comparison found, as a sentence. */
export function comparisonText(each: Comparison): string {
  const { kind, subject, against, difference: d, ratio: r, verdict } = each;
  const span = `${signed(d.low)} to ${signed(d.high)}, 95 % confidence`;
  if (verdict === undefined)
    return `${kind}: no difference that could be told between the medians of ${subject} and ${against} (${span})`;
  const found = styled(verdict === "slower" ? "red" : "green", `${milliseconds(Math.abs(d.value))} ${verdict}`);
  return `${kind}: ${subject} is at the median ${found} (${span}; ${r.value.toFixed(2)}×) than ${against}`;
}

const signed = (ms: number): string => `${ms < 0 ? "−" : "+"}${milliseconds(Math.abs(ms))}`;

/** Says on standard error how far a command is: over one line of a terminal, else a line for each new kind of step. */
export function progressLine(quiet: boolean): { readonly say: Progress; readonly done: () => void } {
  if (quiet) return { say: () => {}, done: () => {} };
  if (process.stderr.isTTY) {
    return {
      say: (text) => void process.stderr.write(`\r\u001b[K${text} …`),
      done: () => void process.stderr.write("\r\u001b[K"),
    };
  }
  let last = "";
  return {
    say: (text) => {
      const kind = text.replace(/\d+ of .*/, "").trim();
      if (kind !== last) note(`${text} …`);
      last = kind;
    },
    done: () => {},
  };
}
