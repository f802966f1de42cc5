/** What an extension has subscribed to, and where it goes. */
export interface Subscription {
  readonly types: readonly TelemetryType[];
  readonly destination: { readonly port: number; readonly path: string | undefined };
  readonly maxItems: number;
  readonly maxBytes: number;
  readonly timeoutMs: number;
  /** in the words of the Logs API, with platform.runtimeDone or without */
  readonly logs: "2020-08-15" | "2021-03-18" | undefined;
}

export type TelemetryType = "platform" | "function" | "extension";

const types: readonly unknown[] = ["platform", "function", "extension"];
const telemetryVersions: readonly unknown[] = ["2022-07-01", "2022-12-13", "2025-01-29"];
const logsVersions: readonly unknown[] = ["2020-08-15", "2021-03-18"];

/** Limits and defaults of buffering. Source: "Lambda Telemetry API reference" and "Using the Lambda Logs API". */
const buffers = {
  maxItems: { min: 1000, max: 10_000, default: 10_000 },
  maxBytes: { min: 262_144, max: 1_048_576, default: 262_144 },
  timeoutMs: { min: 25, max: 30_000, default: 1000 },
} as const;

/** Reads the body of a subscription to the Telemetry API or, where `isLogs`, to the Logs API; a text says what is wrong with it. */
export function readSubscription(body: Buffer, isLogs: boolean): Subscription | string {
  let document: Record<string, unknown>;
  try {
    document = JSON.parse(body.toString()) as Record<string, unknown>;
  } catch (error) {
    return `Invalid JSON: ${(error as Error).message}`;
  }
  if (!isObject(document)) return "The body must be an object";
  const { schemaVersion = isLogs ? "2020-08-15" : "2022-07-01", buffering = {} } = document;
  if (!(isLogs ? logsVersions : telemetryVersions).includes(schemaVersion)) return "schemaVersion: not a known version";
  if (!Array.isArray(document.types) || document.types.length === 0) return "types: a list with at least one type";
  const wrong = document.types.find((type) => !types.includes(type));
  if (wrong !== undefined) return `types: ${JSON.stringify(wrong)} is not one of platform, function, extension`;
  const destination = readDestination(document.destination);
  if (typeof destination === "string") return destination;
  if (!isObject(buffering)) return "buffering: must be an object";
  const sizes = { maxItems: 0, maxBytes: 0, timeoutMs: 0 };
  for (const [name, { min, max, default: usual }] of Object.entries(buffers)) {
    const value = buffering[name] ?? usual;
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
      return `buffering.${name}: must be an integer from ${min} to ${max}`;
    }
    sizes[name as keyof typeof sizes] = value as number;
  }
  return {
    types: [...new Set(document.types as TelemetryType[])],
    destination,
    ...sizes,
    logs: isLogs ? (schemaVersion as "2020-08-15" | "2021-03-18") : undefined,
  };
}

function readDestination(given: unknown): Subscription["destination"] | string {
  if (!isObject(given)) return "destination: must be an object";
  if (given.protocol === "TCP") {
    const { port } = given;
    return isPort(port) ? { port, path: undefined } : "destination.port: must be a port other than 9001";
  }
  if (given.protocol !== "HTTP") return "destination.protocol: must be HTTP or TCP";
  const uri = given.URI ?? given.uri;
  const url = typeof uri === "string" && URL.canParse(uri) ? new URL(uri) : undefined;
  if (url?.protocol !== "http:") return "destination.URI: must be an http URI";
  if (url.hostname !== "sandbox.localdomain" && url.hostname !== "sandbox") {
    return "destination.URI: its host must be sandbox.localdomain";
  }
  const port = url.port === "" ? 80 : Number(url.port);
  if (!isPort(port)) return "destination.URI: its port must be another than 9001";
  return { port, path: `${url.pathname}${url.search}` };
}

function isPort(port: unknown): port is number {
  return Number.isInteger(port) && (port as number) > 0 && (port as number) < 65_536 && port !== 9001;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
