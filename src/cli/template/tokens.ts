/**
 * A value that exists only once something is deployed (a layer version's ARN) stands in a plan as a token: text that no
 * template can contain. So Sub and Join work on it like on any text, and the plan can be checked whole before anything
 * is sent.
 */
const pattern = /\u0000([^\u0000]+)\u0000/g;

export function token(logicalId: string, attribute: string): string {
  return `\u0000${logicalId}.${attribute}\u0000`;
}

/** Puts what `known` holds in the place of every token, however deep. */
export function fill<T>(value: T, known: ReadonlyMap<string, string>): T {
  if (typeof value === "string") {
    return value.replace(pattern, (_, name: string) => {
      const found = known.get(name);
      if (found === undefined) throw new Error(`${name} is used before it is deployed`);
      return found;
    }) as T;
  }
  if (Array.isArray(value)) return value.map((each) => fill(each, known)) as T;
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fill(each, known)])) as T;
  }
  return value;
}
