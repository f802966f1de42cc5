import { milliseconds } from "../output.ts";
import { bins, type Comparison, type Finding } from "./findings.ts";
import { columns, comparisonText, figuresOf, outcomes } from "./text.ts";

export interface Report {
  readonly title: string;
  /** facts beside the title: endpoint, time, payload's size */
  readonly facts: readonly string[];
  readonly findings: readonly Finding[];
  readonly comparisons: readonly Comparison[];
}

/** One page with everything in it: no script, and nothing is fetched. Prints and reads in light and dark. */
export function htmlReport({ title, facts, findings, comparisons }: Report): string {
  const head = ["", "n", ...columns, "starts"].map((cell) => `<th>${cell}</th>`).join("");
  const rows = findings.map((found) => {
    const figures = found.latency === undefined ? columns.map(() => "–") : figuresOf(found.latency).map(milliseconds);
    const cells = [`${found.subject} ${found.kind}`, String(found.samples.length), ...figures, outcomes(found)];
    return `<tr>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join("")}</tr>`;
  });
  const plain = (each: Comparison): string => comparisonText(each).replaceAll(/\u001b\[\d+m/g, "");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title><style>${style}</style></head><body>
<h1>${escaped(title)}</h1>
<p>${facts.map(escaped).join(" · ")}</p>
<table><thead><tr>${head}</tr></thead><tbody>
${rows.join("\n")}
</tbody></table>
${comparisons.map((each) => `<p>${escaped(plain(each))}</p>`).join("\n")}
${findings
  .filter((found) => found.samples.length >= 3)
  .map(chart)
  .join("\n")}
</body></html>
`;
}

const style = `:root{color-scheme:light dark;--bar:light-dark(#2563eb,#60a5fa)}
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;display:block;overflow-x:auto}
th,td{padding:.25rem .75rem;text-align:right;white-space:nowrap;border-bottom:1px solid #8884}
th:first-child,td:first-child,th:last-child,td:last-child{text-align:left}
svg{width:100%;max-width:44rem;height:auto}rect{fill:var(--bar)}text{fill:currentColor;font-size:12px}`;

/** A histogram as SVG: a bar a bin, its range to the left, its count at its end. */
function chart(found: Finding): string {
  const bars = bins(found.samples, 16);
  const most = Math.max(...bars.map((bin) => bin.count));
  const drawn = bars.map(({ from, to, count }, i) => {
    const width = Math.round((count / most) * 480);
    const y = i * 20;
    return (
      `<text x="150" y="${y + 14}" text-anchor="end">${milliseconds(from)} – ${milliseconds(to)}</text>` +
      `<rect x="160" y="${y + 3}" width="${width}" height="14"/><text x="${166 + width}" y="${y + 14}">${count}</text>`
    );
  });
  const label = escaped(`${found.subject} ${found.kind}`);
  const box = `viewBox="0 0 700 ${bars.length * 20}"`;
  return `<h2>${label}</h2><svg role="img" aria-label="Histogram of ${label}" ${box}>${drawn.join("")}</svg>`;
}

function escaped(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replaceAll(/[&<>"']/g, (character) => names[character]!);
}
