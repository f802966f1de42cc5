/** Levels of ApplicationLogLevel, with the number each has in comparisons. */
const rank: Readonly<Record<string, number>> = { TRACE: 0, DEBUG: 1, INFO: 2, WARN: 3, ERROR: 4, FATAL: 5 };

/**
 * A line of the function in JSON log format, or undefined when its level is below `applicationLogLevel`. A JSON object
 * is kept as it is and filtered by its `level`; anything else becomes `{timestamp, level, requestId, message}` with level
 * INFO, as Lambda does for output without a valid level ("Log-level filtering").
 *
 * @param at milliseconds since the epoch
 */
export function applicationLine(
  line: string,
  at: number,
  requestId: string | undefined,
  applicationLogLevel: string,
): string | undefined {
  const own = line.startsWith("{") ? levelOf(line) : undefined;
  const level = own?.level ?? "INFO";
  if (rank[level]! < (rank[applicationLogLevel] ?? 2)) return undefined;
  if (own !== undefined) return line;
  return JSON.stringify({ timestamp: new Date(at).toISOString(), level, requestId, message: line });
}

/** undefined: not a JSON object. Its level, if it names one that is known. */
function levelOf(line: string): { readonly level: string | undefined } | undefined {
  try {
    const { level } = JSON.parse(line) as { level?: unknown };
    const name = typeof level === "string" ? level.toUpperCase() : "";
    return { level: name in rank ? name : undefined };
  } catch {
    return undefined;
  }
}
