import { jsonAnswer, type ProxyAnswer } from "../../proxy/answer.ts";
import type { RestArrival } from "./arrival.ts";
import { contextOf } from "./context.ts";

interface Kind {
  readonly status: number;
  /** x-amzn-errortype */
  readonly error: string;
  /** undefined: what is given */
  readonly message?: string | null;
  /** the class of them that may have been given an answer of its own */
  readonly family: "DEFAULT_4XX" | "DEFAULT_5XX";
}

const wrong = (status: number, error: string, message?: string): Kind => ({
  status,
  error,
  ...(message === undefined ? {} : { message }),
  family: "DEFAULT_4XX",
});
const broken = (status: number, error: string, message: string | null): Kind => ({
  status,
  error,
  message,
  family: "DEFAULT_5XX",
});

/** Source: API Gateway Developer Guide, "Gateway response types for API Gateway". */
const kinds = {
  ACCESS_DENIED: wrong(403, "AccessDeniedException"),
  API_CONFIGURATION_ERROR: broken(500, "InternalServerErrorException", "Internal server error"),
  AUTHORIZER_CONFIGURATION_ERROR: broken(500, "AuthorizerConfigurationException", null),
  BAD_REQUEST_BODY: wrong(400, "BadRequestException", "Invalid request body"),
  BAD_REQUEST_PARAMETERS: wrong(400, "BadRequestException"),
  BAD_INTEGRATION: broken(502, "InternalServerErrorException", "Internal server error"),
  FORBIDDEN: wrong(403, "ForbiddenException", "Forbidden"),
  INTEGRATION_FAILURE: broken(504, "InternalServerErrorException", "Internal server error"),
  INTEGRATION_TIMEOUT: broken(504, "InternalServerErrorException", "Endpoint request timed out"),
  INVALID_API_KEY: wrong(403, "ForbiddenException", "Forbidden"),
  MISSING_AUTHENTICATION_TOKEN: wrong(403, "MissingAuthenticationTokenException", "Missing Authentication Token"),
  QUOTA_EXCEEDED: wrong(429, "LimitExceededException", "Limit Exceeded"),
  REQUEST_TOO_LARGE: wrong(413, "RequestEntityTooLargeException", "Request Too Long"),
  THROTTLED: wrong(429, "TooManyRequestsException", "Too Many Requests"),
  UNAUTHORIZED: wrong(401, "UnauthorizedException", "Unauthorized"),
  UNSUPPORTED_MEDIA_TYPE: wrong(415, "UnsupportedMediaTypeException", "Unsupported Media Type"),
} satisfies Record<string, Kind>;

export type GatewayFault = keyof typeof kinds;

/** Thrown where the gateway itself answers. `detail`: its words, where the kind has none of its own. */
export class Faulty extends Error {
  readonly fault: GatewayFault;
  readonly detail: string | undefined;

  constructor(fault: GatewayFault, detail?: string) {
    super(detail ?? fault);
    this.fault = fault;
    this.detail = detail;
  }
}

/** What the gateway says, in the API's own words where it was given some. `arrival` undefined: of no API. */
export function gatewayAnswer(fault: GatewayFault, detail?: string, arrival?: RestArrival): ProxyAnswer {
  const kind: Kind = kinds[fault];
  const message = detail ?? kind.message ?? null;
  const errorType: [string, string] = ["x-amzn-errortype", kind.error];
  // Who is refused by a policy is told so with a capital letter.
  const member = kind.error === "AccessDeniedException" ? "Message" : "message";
  const plain = jsonAnswer(kind.status, { [member]: message }, [errorType]);
  const own = arrival === undefined ? undefined : ownResponse(arrival, fault, kind.family);
  if (arrival === undefined || own === undefined) return plain;
  const error = { message: message ?? "", messageString: JSON.stringify(message), responseType: fault };
  const fill = (text: string) => filled(text, arrival, error);
  const headers = Object.entries(own.responseParameters ?? {}).flatMap(([name, value]): [string, string][] => {
    const header = /^gatewayresponse\.header\.(.+)$/.exec(name)?.[1];
    const literal = /^'(.*)'$/s.exec(value)?.[1];
    return header === undefined ? [] : [[header, literal ?? fill(`$${value}`)]];
  });
  const [type, template] = Object.entries(own.responseTemplates ?? {})[0] ?? [];
  return {
    status: Number(own.statusCode ?? kind.status),
    headers: [["content-type", type ?? "application/json"], errorType, ...headers],
    body: template === undefined ? plain.body : fill(template),
  };
}

function ownResponse({ definition }: RestArrival, fault: GatewayFault, family: Kind["family"]) {
  const { gatewayResponses } = definition;
  // A template of the kind goes before one of its class.
  return Object.hasOwn(gatewayResponses, fault) ? gatewayResponses[fault] : gatewayResponses[family];
}

function filled(text: string, arrival: RestArrival, error: Readonly<Record<string, string>>): string {
  return text.replace(
    /\$context\.([\w.]+)|\$method\.request\.header\.([\w-]+)/g,
    (_whole, name?: string, header = "") => {
      if (name === undefined) return arrival.parts.headers.get(header.toLowerCase())?.join(",") ?? "";
      if (name.startsWith("error.")) return error[name.slice(6)] ?? "";
      return contextOf(arrival, name) ?? "";
    },
  );
}
