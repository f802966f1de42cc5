import type { IncomingMessage } from "node:http";
import type { RequestParts } from "../../proxy/parts.ts";
import type { RestApis } from "./apis.ts";
import type { RestApiRecord, RestDefinition, RestStage } from "./records.ts";

/** Where in a REST API a request has arrived. */
export interface RestArrival {
  readonly record: RestApiRecord;
  readonly stage: RestStage;
  readonly definition: RestDefinition;
  /** decoded, from behind the stage, with its `/` */
  readonly path: string;
  /** the same as segments, each decoded by itself, without the empty one of a `/` at the end */
  readonly segments: readonly string[];
  readonly parts: RequestParts;
  /** names as the client wrote them, by those in lower case; nameOf() reads it */
  readonly names: ReadonlyMap<string, string>;
}

/**
 * Finds the stage, which every path begins with. `base`: what of the path comes before that and is ours (`/_aws/execute-api/<id>`, or
 * `/restapis/<id>` with `_user_request_` behind the stage). Undefined: nothing is there; `malformed`: not well percent-encoded.
 */
export function restArrival(
  rest: RestApis,
  record: RestApiRecord,
  base: string,
  parts: RequestParts,
  request: Pick<IncomingMessage, "rawHeaders">,
): RestArrival | "malformed" | undefined {
  let all: string[];
  try {
    all = parts.path.slice(base.length).split("/").slice(1).map(decodeURIComponent);
  } catch {
    return "malformed";
  }
  const [stageName = "", ...behind] = all;
  const trail = base.startsWith("/restapis/") && behind[0] === "_user_request_" ? behind.slice(1) : behind;
  const stage = Object.hasOwn(record.stages, stageName) ? record.stages[stageName] : undefined;
  const definition = stage === undefined ? undefined : rest.serving(record, stage);
  if (stage === undefined || definition === undefined) return undefined;
  const segments = trail.at(-1) === "" ? trail.slice(0, -1) : trail;
  return { record, stage, definition, path: `/${trail.join("/")}`, segments, parts, names: namesOf(request) };
}

/** What a front end adds has the names that AWS's has. */
const added = new Map(
  ["Host", "X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"].map((name) => [
    name.toLowerCase(),
    name,
  ]),
);

/** A header as events call it. */
export const nameOf = ({ names }: Pick<RestArrival, "names">, lower: string): string =>
  added.get(lower) ?? names.get(lower) ?? lower;

function namesOf({ rawHeaders }: Pick<IncomingMessage, "rawHeaders">): Map<string, string> {
  const names = new Map<string, string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    const lower = name.toLowerCase();
    if (name !== lower && !names.has(lower)) names.set(lower, name);
  }
  return names;
}
