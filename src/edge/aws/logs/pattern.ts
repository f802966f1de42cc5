import { arrayPattern } from "./pattern-array.ts";
import { jsonPattern } from "./pattern-json.ts";
import { termPattern } from "./pattern-terms.ts";
import type { Pattern } from "./pattern-values.ts";

export { InvalidPattern, type Pattern } from "./pattern-values.ts";

/** Longest pattern (FilterPattern of the service's model). */
const longest = 1024;

/**
 * CloudWatch Logs' language of filters: terms (`ERROR -health ?a ?b "two words" %regex%`), selectors of JSON
 * (`{ $.level = "error" && $.ms > 100 }`) and fields between spaces (`[ip, user, status = 5*]`). The empty one matches all.
 * Throws InvalidPattern. Source: CloudWatch Logs User Guide, "Filter pattern syntax".
 */
export function parsePattern(text: string): Pattern {
  const trimmed = text.slice(0, longest).trim();
  if (trimmed.startsWith("{")) return jsonPattern(trimmed);
  if (trimmed.startsWith("[")) return arrayPattern(trimmed);
  return termPattern(trimmed);
}
