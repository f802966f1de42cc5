import { type Dimension, platformNamespace, type Series } from "./series.ts";
import { addValue, newSketch, type Sketch } from "./sketch.ts";

export interface EmbeddedPoint {
  readonly series: Omit<Series, "account" | "region">;
  /** ms since the epoch */
  readonly at: number;
  readonly sketch: Sketch;
}

const dayMs = 86_400_000;
const mostDimensions = 30;
const mostValues = 100;

type Document = Readonly<Record<string, unknown>>;

/**
 * Metrics that a line of a log carries in CloudWatch's embedded metric format; none: it carries none, or is not well made, which is
 * nobody's failure there. Source: CloudWatch User Guide, "Specification: Embedded metric format".
 */
export function embeddedMetrics(message: string, now: number): EmbeddedPoint[] {
  // Nearly every line of nearly every function ends here.
  if (!message.startsWith("{") || !message.includes('"CloudWatchMetrics"')) return [];
  let root: Document;
  try {
    root = JSON.parse(message) as Document;
  } catch {
    return [];
  }
  // The JSON format of a function's log has it within.
  if (root._aws === undefined && isDocument(root.message)) root = root.message;
  const { Timestamp: at, CloudWatchMetrics: directives } = isDocument(root._aws) ? root._aws : {};
  if (typeof at !== "number" || at < now - 14 * dayMs || at > now + dayMs / 12 || !Array.isArray(directives)) return [];
  return directives.filter(isDocument).flatMap((directive) => pointsOf(root, directive, at));
}

const isDocument = (value: unknown): value is Document =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function pointsOf(root: Document, { Namespace, Dimensions = [[]], Metrics }: Document, at: number): EmbeddedPoint[] {
  if (typeof Namespace !== "string" || Namespace === "" || platformNamespace.test(Namespace)) return [];
  if (!Array.isArray(Dimensions) || !Array.isArray(Metrics)) return [];
  const sets = Dimensions.map((names) => dimensionsOf(root, names)).filter((set) => set !== undefined);
  return Metrics.filter(isDocument).flatMap(({ Name, Unit = "None" }) => {
    if (typeof Name !== "string" || typeof Unit !== "string" || !Object.hasOwn(root, Name)) return [];
    const sketch = sketchOf(root[Name]);
    if (sketch === undefined) return [];
    return sets.map((dimensions) => ({
      series: { namespace: Namespace, name: Name, dimensions, unit: Unit },
      at,
      sketch,
    }));
  });
}

/** Undefined: one of them is not in the document, or there are too many. */
function dimensionsOf(root: Document, names: unknown): Dimension[] | undefined {
  if (!Array.isArray(names) || names.length > mostDimensions) return undefined;
  const dimensions: Dimension[] = [];
  for (const name of names) {
    if (typeof name !== "string" || !Object.hasOwn(root, name)) return undefined;
    const value = root[name];
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") return undefined;
    dimensions.push({ name, value: String(value).slice(0, 1024) });
  }
  return dimensions.sort((one, other) => (one.name < other.name ? -1 : 1));
}

function sketchOf(value: unknown): Sketch | undefined {
  const values: readonly unknown[] = Array.isArray(value) ? value.slice(0, mostValues) : [value];
  const sketch = newSketch();
  for (const one of values) {
    if (typeof one !== "number" || !Number.isFinite(one)) return undefined;
    addValue(sketch, one);
  }
  return sketch.count === 0 ? undefined : sketch;
}
