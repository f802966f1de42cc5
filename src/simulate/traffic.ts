import { makeTrace, randomFrom, type TraceOptions } from "../capacity/index.ts";
import type { Call, SimulatedFunction } from "./world.ts";

/** Who calls what. */
export interface Traffic {
  readonly functions: readonly SimulatedFunction[];
  /** in the order of their time */
  readonly calls: readonly Call[];
  readonly endMs: number;
}

/** What is assumed of functions where a record does not say it. */
export interface Assumed {
  readonly memoryMb: number;
  readonly startMs: number;
  readonly runMs: number;
}

/**
 * Made-up traffic after the published distributions (capacity/trace.ts). How long events run is log-normal with a median of
 * `runMs` and sigma 1.5: the paper gives quantiles (half of the functions under a second), not a law; an assumption.
 */
export function generatedTraffic(options: TraceOptions, assumed: Assumed): Traffic {
  const random = randomFrom(options.seed + 0x5eed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const functions: SimulatedFunction[] = [];
  const calls: Call[] = [];
  for (const [of, { key, memoryBytes, calls: times }] of makeTrace(options).entries()) {
    const memoryMb = Math.max(128, Math.ceil(memoryBytes / 2 ** 20));
    functions.push({ name: key, memoryMb, idleBytes: memoryBytes, startMs: assumed.startMs });
    for (const atMs of times)
      calls.push({ atMs, of, runMs: Math.min(900e3, assumed.runMs * Math.exp(1.5 * normal())) });
  }
  return { functions, calls: inOrder(calls), endMs: options.days * 86_400_000 };
}

/** A file that cannot be read as a record of calls: which line, and what is wrong with it. */
export class UnreadableRecord extends Error {}

/**
 * A record of calls: CSV with a head that names `time` and `function`, and may name `duration`, `memory`, `init`
 * (milliseconds, MB, milliseconds); times are ISO 8601 or milliseconds. Or lines of JSON: Lambda's `platform.report`
 * with a `time` and, beside it or as FUNCTION, the function's name (AWS_LAMBDA_FUNCTION_NAME of a log group). Or the Azure
 * Functions trace of 2019 (Azure Public Dataset): `HashOwner,HashApp,HashFunction,Trigger,1,…,1440`, calls a minute, which
 * are spread over their minute evenly. Throws UnreadableRecord.
 */
export function readTraffic(text: string, assumed: Assumed, functionName = "function"): Traffic {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  const [head = ""] = lines;
  if (head.startsWith("{"))
    return collected(
      lines.map((line, index) => reportOf(line, index + 1, functionName)),
      assumed,
    );
  const columns = head.split(",").map((name) => name.trim().toLowerCase());
  if (columns.includes("hashfunction")) return azureOf(lines, columns, assumed);
  const at = (name: string) => columns.indexOf(name);
  if (at("time") < 0 || at("function") < 0) {
    throw new UnreadableRecord(
      "the first line must name the columns time and function (and may duration, memory, init)",
    );
  }
  const rows = lines.slice(1).map((line, index): Row => {
    const cells = line.split(",").map((cell) => cell.trim());
    const number = (name: string) => (cells[at(name)] ? numberOf(cells[at(name)]!, name, index + 2) : undefined);
    return {
      atMs: timeOf(cells[at("time")] ?? "", index + 2),
      name: cells[at("function")] || functionName,
      runMs: number("duration"),
      memoryMb: number("memory"),
      initMs: number("init"),
    };
  });
  return collected(rows, assumed);
}

interface Row {
  readonly atMs: number;
  readonly name: string;
  readonly runMs?: number | undefined;
  readonly memoryMb?: number | undefined;
  readonly initMs?: number | undefined;
}

/** Line of JSON: `{"time":…,"type":"platform.report","record":{"metrics":{"durationMs":…,"memorySizeMB":…,"initDurationMs":…}}}`; others say nothing. */
function reportOf(line: string, number: number, functionName: string): Row | undefined {
  let report: {
    time?: string;
    type?: string;
    function?: string;
    record?: { metrics?: { durationMs?: number; memorySizeMB?: number; initDurationMs?: number } };
  };
  try {
    report = JSON.parse(line);
  } catch {
    throw new UnreadableRecord(`line ${number} is no JSON`);
  }
  if (report?.type !== "platform.report") return undefined;
  const { durationMs, memorySizeMB, initDurationMs } = report.record?.metrics ?? {};
  // The report is written when the event is over.
  const atMs = timeOf(report.time ?? "", number) - (durationMs ?? 0) - (initDurationMs ?? 0);
  return {
    atMs,
    name: report.function ?? functionName,
    runMs: durationMs,
    memoryMb: memorySizeMB,
    initMs: initDurationMs,
  };
}

function azureOf(lines: readonly string[], columns: readonly string[], assumed: Assumed): Traffic {
  const name = columns.indexOf("hashfunction");
  const first = columns.indexOf("1");
  if (first < 0) throw new UnreadableRecord("the first line has HashFunction and no minutes: 1, 2, …");
  const rows: Row[] = [];
  for (const [index, line] of lines.slice(1).entries()) {
    const cells = line.split(",");
    for (let minute = 0; first + minute < cells.length; minute++) {
      const count = numberOf(cells[first + minute] || "0", `minute ${minute + 1}`, index + 2);
      for (let call = 0; call < count; call++)
        rows.push({ atMs: (minute + (call + 0.5) / count) * 60e3, name: cells[name]! });
    }
  }
  return collected(rows, assumed);
}

/** Rows in any order. Time begins with the first call; of memory and init the latest and the mean of what is said count. */
function collected(rows: readonly (Row | undefined)[], assumed: Assumed): Traffic {
  const known = rows.filter((row) => row !== undefined);
  if (known.length === 0) throw new UnreadableRecord("there is no call in it");
  const beginMs = known.reduce((least, { atMs }) => Math.min(least, atMs), Number.POSITIVE_INFINITY);
  const places = new Map<string, { readonly of: number; memoryMb: number; inits: number; initMs: number }>();
  const calls = known.map(({ atMs, name, runMs, memoryMb, initMs }): Call => {
    const place = places.get(name) ?? { of: places.size, memoryMb: assumed.memoryMb, inits: 0, initMs: 0 };
    places.set(name, place);
    if (memoryMb !== undefined) place.memoryMb = memoryMb;
    if (initMs !== undefined) {
      place.inits++;
      place.initMs += initMs;
    }
    return { atMs: atMs - beginMs, of: place.of, runMs: runMs ?? assumed.runMs };
  });
  const functions = [...places].map(([name, { memoryMb, inits, initMs }]): SimulatedFunction => {
    const startMs = inits > 0 ? initMs / inits : assumed.startMs;
    return { name, memoryMb, idleBytes: memoryMb * 2 ** 20, startMs };
  });
  const ordered = inOrder(calls);
  const last = ordered.at(-1)!;
  return { functions, calls: ordered, endMs: last.atMs + last.runMs };
}

function inOrder(calls: Call[]): Call[] {
  return calls.sort((a, b) => a.atMs - b.atMs);
}

function timeOf(text: string, line: number): number {
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(ms)) throw new UnreadableRecord(`line ${line}: ${JSON.stringify(text)} is no time`);
  return ms;
}

function numberOf(text: string, name: string, line: number): number {
  const value = Number(text);
  if (!(value >= 0)) throw new UnreadableRecord(`line ${line}: ${name} is ${JSON.stringify(text)}, not a number`);
  return value;
}
