/** The course of a figure, as small as a word. */
export function Spark({
  of,
  title,
  format,
}: {
  of: readonly number[];
  title: string;
  format: (value: number) => string;
}) {
  const most = Math.max(...of, 0);
  const step = 100 / Math.max(1, of.length - 1);
  const path = of.map(
    (value, index) => `${(index * step).toFixed(1)},${(22 - (most === 0 ? 0 : value / most) * 20).toFixed(1)}`,
  );
  return (
    <svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" role="img">
      <title>{`${title}: at most ${format(most)}`}</title>
      {of.length > 1 && <path d={`M${path.join("L")}`} />}
    </svg>
  );
}
