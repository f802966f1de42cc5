import { isUtf8 } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http";
import { ServiceError } from "../../model/index.ts";
import type { Member, ServiceModel, Shape } from "./model.ts";

/** The parts of a request that its input may be spread over. */
export interface RequestParts {
  readonly labels: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Collects an operation's input from path, query, headers and JSON body, not yet checked (see validate). */
export function collectInput(model: ServiceModel, shapeName: string, parts: RequestParts): unknown {
  const shape = model.shapes[shapeName]!;
  const input: Record<string, unknown> = {};
  const members = Object.entries(shape.members ?? {});
  if (shape.payload === undefined && members.some(([, member]) => member.location === undefined)) {
    const body = parseBody(parts.body);
    for (const [name, member] of members) {
      const key = member.locationName ?? name;
      if (member.location === undefined && Object.hasOwn(body, key)) input[name] = body[key];
    }
  } else if (shape.payload !== undefined) {
    input[shape.payload] = wholeBody(model.shapes[shape.members?.[shape.payload]?.shape ?? ""], parts.body);
  }
  for (const [name, member] of members) {
    const value = located(model, name, member, parts);
    if (value !== undefined) input[name] = value;
  }
  return input;
}

/** A body that is one member: bytes as they came, or a document, which may be left out. */
function wholeBody(shape: Shape | undefined, body: Buffer): unknown {
  if (shape?.type !== "structure") return body;
  return body.length === 0 ? undefined : parseBody(body);
}

function parseBody(body: Buffer): Record<string, unknown> {
  if (body.length === 0) return {};
  let parsed: unknown;
  try {
    if (!isUtf8(body)) throw new Error("Invalid UTF-8");
    parsed = JSON.parse(body.toString("utf8"));
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new ServiceError("SerializationException", `Could not parse request body into json: ${detail}`);
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>;
  throw new ServiceError("SerializationException", "Unexpected token received from parser");
}

function located(model: ServiceModel, name: string, member: Member, parts: RequestParts): unknown {
  const key = member.locationName ?? name;
  const shape = model.shapes[member.shape]!;
  switch (member.location) {
    case "uri":
      return typed(shape, parts.labels[key] ?? "");
    case "querystring": {
      const values = parts.query.getAll(key);
      if (values.length === 0) return undefined;
      return shape.type === "list" ? values : typed(shape, values[0]!);
    }
    case "header": {
      const value = parts.headers[key.toLowerCase()];
      return value === undefined ? undefined : typed(shape, String(value));
    }
    default:
      return undefined;
  }
}

/** Outside a body everything is text. What is no number stays text, for validate() to complain about. */
function typed(shape: Shape, text: string): unknown {
  if (shape.type === "integer" || shape.type === "long" || shape.type === "double") {
    return /^-?\d{1,15}(\.\d+)?$/.test(text) ? Number(text) : text;
  }
  if (shape.type === "boolean" && (text === "true" || text === "false")) return text === "true";
  if (shape.type === "timestamp") return epochSeconds(text) ?? text;
  return text;
}

/** In a query moments are ISO 8601 (Smithy, restJson1), and numbers by some clients. Undefined: neither. */
function epochSeconds(text: string): number | undefined {
  const moment = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Date.parse(text) / 1000;
  return Number.isNaN(moment) ? undefined : moment;
}
