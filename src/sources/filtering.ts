import { compilePattern, type Pattern } from "../patterns/index.ts";
import type { SourceKind } from "../registry/index.ts";

type Item = Readonly<Record<string, unknown>>;

/** Where a kind of source has the data that patterns look into, and how it is coded. */
interface DataField {
  /** in the pattern, and in what it is compared with */
  readonly name: string;
  read(item: Item): unknown;
  /** what else of the record patterns may name */
  rest(item: Item): Item;
}

const decoded = (text: unknown): unknown =>
  typeof text === "string" ? Buffer.from(text, "base64").toString("utf8") : text;

const itself = (item: Item): Item => item;

/**
 * Source: Developer Guide, "Control which events Lambda sends to your function": "body for Amazon SQS, data for Kinesis and
 * Amazon MQ, value for Kafka"; metadata of Kinesis stand beside `data`.
 */
const fields: Readonly<Partial<Record<SourceKind, DataField>>> = {
  sqs: { name: "body", read: ({ body }) => body, rest: itself },
  "sqs-fifo": { name: "body", read: ({ body }) => body, rest: itself },
  kinesis: {
    name: "data",
    read: ({ kinesis }) => decoded((kinesis as Item | undefined)?.data),
    rest: (item) => ({ ...item, ...(item.kinesis as Item | undefined) }),
  },
  msk: { name: "value", read: ({ value }) => decoded(value), rest: itself },
  kafka: { name: "value", read: ({ value }) => decoded(value), rest: itself },
  activemq: { name: "data", read: ({ data }) => decoded(data), rest: itself },
  rabbitmq: { name: "data", read: ({ data }) => decoded(data), rest: itself },
};

/**
 * Tells which records the function gets: those that any pattern of FilterCriteria fits; without patterns all. Data and
 * pattern must be of one kind, JSON or plain text: where they are not, the record does not pass. A pattern without the
 * data looks at the rest only. Throws PatternError.
 */
export function createFilter(kind: SourceKind, settings: Readonly<Record<string, unknown>>): (item: Item) => boolean {
  const { Filters = [] } = (settings.FilterCriteria ?? {}) as { Filters?: readonly { Pattern?: string }[] };
  const filters = Filters.flatMap(({ Pattern }) => (Pattern === undefined ? [] : [filterOf(Pattern, fields[kind])]));
  return filters.length === 0 ? () => true : (item) => filters.some((fits) => fits(item));
}

function filterOf(text: string, field: DataField | undefined): (item: Item) => boolean {
  const fits: Pattern = compilePattern(text);
  if (field === undefined) return fits;
  const wanted = (JSON.parse(text) as Item)[field.name];
  return (item) => {
    const raw = field.read(item);
    const data = structured(raw);
    if (wanted !== undefined && Array.isArray(wanted) === (data !== undefined)) return false;
    return fits({ ...field.rest(item), [field.name]: data ?? raw });
  };
}

/** The JSON in a text, if it is an object or a list. */
function structured(raw: unknown): object | undefined {
  if (typeof raw !== "string") return undefined;
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
