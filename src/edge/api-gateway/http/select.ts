import type { Definition, Route } from "../records.ts";

/** A route that a request takes, and what its path says of the route's variables, decoded. */
export interface Selected {
  readonly route: Route;
  readonly pathParameters: Readonly<Record<string, string>>;
}

interface Candidate {
  readonly route: Route;
  /** `ANY`: every method */
  readonly method: string;
  readonly segments: readonly Segment[];
}

export interface Segment {
  readonly kind: "text" | "variable" | "greedy";
  readonly text: string;
}

const compiled = new WeakMap<
  Definition["routes"],
  { readonly candidates: readonly Candidate[]; readonly byDefault: Route | undefined }
>();

/**
 * The most specific route for a request: from the first segment on, text goes before a variable, a variable before a greedy one;
 * of one path the method itself before ANY; `$default` takes what is left. `segments`: of the path, decoded. Undefined: none.
 * Source: API Gateway Developer Guide, "Create routes for HTTP APIs".
 */
export function selectRoute({ routes }: Definition, method: string, segments: readonly string[]): Selected | undefined {
  let table = compiled.get(routes);
  if (table === undefined) {
    table = compile(Object.values(routes));
    compiled.set(routes, table);
  }
  for (const candidate of table.candidates) {
    if (candidate.method !== "ANY" && candidate.method !== method) continue;
    const pathParameters = matched(candidate.segments, segments);
    if (pathParameters !== undefined) return { route: candidate.route, pathParameters };
  }
  return table.byDefault === undefined ? undefined : { route: table.byDefault, pathParameters: {} };
}

function compile(routes: readonly Route[]) {
  const candidates = routes
    .filter(({ routeKey }) => routeKey !== "$default")
    .map((route): Candidate => {
      const [method = "", path = ""] = route.routeKey.split(" ");
      return { route, method, segments: path.split("/").slice(1).map(segmentOf) };
    });
  candidates.sort(bySpecificity);
  return { candidates, byDefault: routes.find(({ routeKey }) => routeKey === "$default") };
}

export function segmentOf(text: string): Segment {
  const [, name, greedy] = /^\{([^{}+]+)(\+?)\}$/.exec(text) ?? [];
  if (name === undefined) return { kind: "text", text };
  return { kind: greedy === "+" ? "greedy" : "variable", text: name };
}

const rank = { text: 0, variable: 1, greedy: 2 } as const;

export function bySpecificity(one: Pick<Candidate, "method" | "segments">, other: typeof one): number {
  const length = Math.max(one.segments.length, other.segments.length);
  for (let index = 0; index < length; index += 1) {
    const [first, second] = [one.segments[index], other.segments[index]];
    // Where one of them has ended only a greedy variable can still compete with it.
    if (first === undefined || second === undefined) break;
    if (first.kind !== second.kind) return rank[first.kind] - rank[second.kind];
  }
  if (one.segments.length !== other.segments.length) return other.segments.length - one.segments.length;
  return Number(one.method === "ANY") - Number(other.method === "ANY");
}

/** The variables of a path that fits; undefined: it does not. */
export function matched(pattern: readonly Segment[], given: readonly string[]): Record<string, string> | undefined {
  const last = pattern.at(-1);
  const greedy = last?.kind === "greedy";
  if (greedy ? given.length < pattern.length : given.length !== pattern.length) return undefined;
  const parameters: Record<string, string> = Object.create(null);
  for (const [index, { kind, text }] of pattern.entries()) {
    const segment = given[index]!;
    if (kind === "text") {
      if (segment !== text) return undefined;
    } else if (kind === "variable") {
      if (segment === "") return undefined;
      parameters[text] = segment;
    } else {
      const rest = given.slice(index).join("/");
      if (rest === "") return undefined;
      parameters[text] = rest;
    }
  }
  return parameters;
}
