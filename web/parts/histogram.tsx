import { type Invocation, type Kind, kindWords, ms, startMs } from "../words.ts";
import { KindTag } from "./bits.tsx";

const bins = 28;
const lowest = 0.5;
const highest = 10_000;
const fills: Readonly<Record<Kind, string>> = {
  warm: "var(--run)",
  clone: "var(--clone)",
  restore: "var(--restore)",
  pool: "var(--runtime)",
  plain: "var(--plain)",
};

/** How long starts of one kind took, on a logarithmic axis that is the same for all kinds. */
export function Histogram({ kind, of }: { kind: Kind; of: readonly Invocation[] }) {
  const values = of.map(startMs).sort((one, other) => one - other);
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) counts[binOf(value)]!++;
  const most = Math.max(1, ...counts);
  const at = (share: number) => values[Math.min(values.length - 1, Math.floor(share * values.length))] ?? 0;
  return (
    <div class="histogram">
      <p>
        <KindTag kind={kind} />
        <span>{values.length}</span>
      </p>
      <svg viewBox={`0 0 ${bins * 10} 80`} preserveAspectRatio="none" role="img">
        <title>{`${kindWords[kind].name}: median ${ms(at(0.5))}, 99th percentile ${ms(at(0.99))}`}</title>
        <rect x="0" y="79" width={bins * 10} height="1" fill="var(--line)" />
        {counts.map((count, index) => {
          const height = (count / most) * 76;
          return <rect key={index} x={index * 10 + 1} y={79 - height} width="8" height={height} fill={fills[kind]} />;
        })}
      </svg>
      <div class="axis" aria-hidden="true">
        <span>0.5 ms</span>
        <span>70 ms</span>
        <span>10 s</span>
      </div>
      <p>
        <span>median {ms(at(0.5))}</span>
        <span>p99 {ms(at(0.99))}</span>
      </p>
    </div>
  );
}

function binOf(value: number): number {
  const share = Math.log(Math.max(lowest, value) / lowest) / Math.log(highest / lowest);
  return Math.max(0, Math.min(bins - 1, Math.floor(share * bins)));
}
