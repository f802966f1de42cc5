import { crc32 } from "node:zlib";
import { type FunctionVersion, ServiceError } from "../../model/index.ts";
import { functionArn } from "../../registry/index.ts";
import { isSampled } from "./sampling.ts";

/**
 * Recursive loops are found by what a request carries: every invocation hands its function a trace header that ends in
 * `Lineage=<requests>:<hash>:<loops>`, and the SDKs send that header on with whatever the function does next. So each
 * request knows how long its chain is, and how often one function of the chain (by a hash of its ARN) came back.
 * Sources: Developer Guide, "Use Lambda recursive loop detection to prevent infinite loops"; the format is what functions
 * see (`Root=1-…;Parent=…;Sampled=0;Lineage=1:36680206:0`), with the limits that OpenTelemetry's propagator for Lambda
 * checks (255 requests, 8 hex digits, 32,767 loops).
 */
export interface Lineage {
  readonly requests: number;
  /** whose returns are counted */
  readonly hash: string;
  readonly loops: number;
}

/** "If a function is invoked approximately 16 times in the same chain of requests", the next invocation is stopped. */
const mostRuns = 16;

const most = { requests: 255, loops: 32_767 };
const field = /(?:^|;)\s*Lineage=(\d{1,3}):([0-9a-f]{8}):(\d{1,5})(?=;|$)/;

/** one that we cannot read, too */
const anyField = /(?:^|;)\s*Lineage=[^;]*/g;

/** What an invocation passes on, and how often its function came back to itself. */
export interface Traced {
  readonly header: string;
  /** the chain has run this function so often that only a function that allows recursion may go on */
  readonly looping: boolean;
}

/** `header`: the caller's X-Amzn-Trace-Id. Without one a new trace begins, its ids taken from the random `requestId`. */
export function traced(header: string | undefined, requestId: string, target: FunctionVersion): Traced {
  const own = hashOf(target);
  const found = header === undefined ? undefined : field.exec(header);
  if (!found) {
    const given = header?.replace(anyField, "") ?? "";
    return { header: `${decided(given, requestId, target)};Lineage=1:${own}:0`, looping: false };
  }
  const next = nextLineage({ requests: Number(found[1]), hash: found[2] ?? "", loops: Number(found[3]) }, own);
  const rest = (header as string).replace(field, "");
  const begin = rest === "" ? "" : `${decided(rest, requestId, target)};`;
  return {
    header: `${begin}Lineage=${next.requests}:${next.hash}:${next.loops}`,
    looping: next.hash === own && next.loops >= mostRuns,
  };
}

/**
 * The chain with one more function. One function is watched at a time; which one changes at chain lengths of 2, 4, 8, …
 * unless it has come back already, so that every cycle of up to 128 functions is found wherever it begins (Brent's way of
 * finding cycles). A watched function that may recurse and did gives way to the next one.
 */
export function nextLineage({ requests, hash, loops }: Lineage, own: string): Lineage {
  const count = requests >= most.requests ? (most.requests + 1) / 2 : requests + 1;
  if (own === hash) return { requests: count, hash, loops: Math.min(most.loops, loops + 1) };
  const due = loops === 0 ? (count & (count - 1)) === 0 : loops >= mostRuns;
  return due ? { requests: count, hash: own, loops: 0 } : { requests: count, hash, loops };
}

/** In the words of Lambda's model. */
export const recursiveInvocation = (): ServiceError =>
  new ServiceError(
    "RecursiveInvocationException",
    "Lambda has detected your function being invoked in a recursive loop with other Amazon Web Services resources and stopped your function's invocation.",
  );

const hashes = new WeakMap<FunctionVersion, string>();

/** All versions of a function are the same one here. */
function hashOf(target: FunctionVersion): string {
  const known = hashes.get(target);
  if (known !== undefined) return known;
  const made = crc32(functionArn(target, target.name)).toString(16).padStart(8, "0");
  hashes.set(target, made);
  return made;
}

/**
 * Who calls has decided whether a trace is kept, or else a function with active tracing does. Source: API reference, TracingConfig.
 * Where a trace that is kept begins, nothing is its parent.
 */
function decided(header: string, requestId: string, target: FunctionVersion): string {
  if (header === "") {
    const digits = requestId.replaceAll("-", "");
    const seconds = Math.floor(Date.now() / 1e3).toString(16);
    const root = `Root=1-${seconds}-${digits.slice(0, 24)}`;
    return target.tracing === "Active" && isSampled(target)
      ? `${root};Sampled=1`
      : `${root};Parent=${digits.slice(16, 32)};Sampled=0`;
  }
  if (target.tracing !== "Active" || /(?:^|;)\s*Sampled=[01](?=;|$)/.test(header)) return header;
  return `${header.replace(/(?:^|;)\s*Sampled=[^;]*/g, "")};Sampled=${isSampled(target) ? 1 : 0}`;
}
