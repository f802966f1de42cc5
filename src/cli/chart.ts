/** Values as columns of eight heights in one line; the highest fills its cell. Nothing is left out of an empty or flat row. */
export function columns(values: readonly number[]): string {
  const most = values.reduce((highest, value) => Math.max(highest, value), 0);
  const heights = "▁▂▃▄▅▆▇█";
  return values.map((value) => (value <= 0 ? " " : heights[Math.ceil((value / most) * 8) - 1])).join("");
}

/** A value as a bar of at most `width` cells, to an eighth of a cell; the largest of its kind fills it. */
export function bar(value: number, most: number, width: number): string {
  if (!(value > 0) || !(most > 0)) return "";
  const eighths = Math.max(1, Math.round((Math.min(value, most) / most) * width * 8));
  return "█".repeat(eighths >> 3) + ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths & 7];
}
