type Scalar = string | number | boolean;

/** Attributes as OTLP/JSON has them; those that are undefined are left out. */
export function attributesOf(given: Readonly<Record<string, Scalar | undefined>>): object[] {
  return Object.entries(given).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: scalarOf(value) }],
  );
}

function scalarOf(value: Scalar): object {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  // 64-bit integers are texts in OTLP/JSON.
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

/** Milliseconds since the epoch as OTLP's nanoseconds; exact to the microsecond. */
export const nanoseconds = (ms: number): string => String(BigInt(Math.round(ms * 1e3)) * 1000n);
