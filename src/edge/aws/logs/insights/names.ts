type Arity = readonly [least: number, most: number];

const one: Arity = [1, 1];
const two: Arity = [2, 2];
const some: Arity = [1, 64];

/** Functions of one event. Source: CloudWatch Logs User Guide, "Supported operations and functions". */
const functions: Readonly<Record<string, Arity>> = {
  abs: one,
  ceil: one,
  floor: one,
  greatest: some,
  least: some,
  log: one,
  sqrt: one,
  bin: one,
  datefloor: two,
  dateceil: two,
  frommillis: one,
  tomillis: one,
  now: [0, 0],
  ispresent: one,
  coalesce: some,
  isvalidip: one,
  isvalidipv4: one,
  isvalidipv6: one,
  isipinsubnet: two,
  isipv4insubnet: two,
  isipv6insubnet: two,
  isempty: one,
  isblank: one,
  concat: some,
  ltrim: [1, 2],
  rtrim: [1, 2],
  trim: [1, 2],
  strlen: one,
  toupper: one,
  tolower: one,
  substr: [2, 3],
  replace: [3, 3],
  strcontains: two,
  jsonparse: one,
  jsonstringify: one,
};

/** Functions of many events. */
const ofStats: Readonly<Record<string, Arity>> = {
  count: [0, 1],
  count_distinct: one,
  sum: one,
  avg: one,
  min: one,
  max: one,
  pct: two,
  percentile: two,
  median: one,
  stddev: one,
  earliest: one,
  latest: one,
  sortsfirst: one,
  sortslast: one,
};

export const aggregates: ReadonlySet<string> = new Set(Object.keys(ofStats));
const all: Readonly<Record<string, Arity>> = { ...functions, ...ofStats };
export const isFunction = (name: string): boolean => Object.hasOwn(all, name);
export const arityOf = (name: string): Arity => all[name]!;
