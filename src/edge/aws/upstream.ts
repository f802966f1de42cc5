import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream";
import { ServiceError } from "../../model/index.ts";
import { http, https } from "../../remote/index.ts";
import { heldBody } from "../body.ts";

/** Where services are that are not here: base URLs by signing name (in capitals, `_` for all that is no letter or digit), and one for all others. */
export interface Upstreams {
  readonly byService: ReadonlyMap<string, string>;
  readonly others?: string | undefined;
}

/** Was the operator explicit about where this service is? Then it is there, even if the platform has one of its own. */
export function isElsewhere(upstreams: Upstreams | undefined, service: string): boolean {
  return upstreams?.byService.has(inCapitals(service)) === true;
}

const inCapitals = (service: string): string => service.toUpperCase().replace(/[^A-Z0-9]/g, "_");

/** Of one connection, not of the message (RFC 9110, section 7.6.1). */
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const mark = "thaw";

/**
 * Hands a request on as it came and its answer back, both streamed. Host and signature stay what the client made them, so
 * that they fit each other: nothing is signed anew, for a function must not get the rights of the operator. Throws
 * NotImplementedException when there is nowhere to hand it to; rejects with ServiceException when nobody answers there.
 */
export async function forward(
  upstreams: Upstreams | undefined,
  service: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const capitals = inCapitals(service);
  const option = `THAW_UPSTREAM_${capitals}`;
  const base = upstreams?.byService.get(capitals) ?? upstreams?.others;
  if (base === undefined) {
    throw new ServiceError(
      "NotImplementedException",
      `Thaw does not implement the service ${service}; --upstream (or ${option}) says where one is that does`,
    );
  }
  if (String(request.headers.via ?? "").includes(mark)) {
    throw new ServiceError(
      "NotImplementedException",
      `${option} leads back to this platform, which does not implement ${service}`,
    );
  }
  const url = new URL(base);
  const send = url.protocol === "https:" ? https().request : http.request;
  const body = heldBody(request);
  const away = send({
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port,
    method: request.method,
    path: request.url,
    headers: { ...endToEnd(request.headers), via: `1.1 ${mark}` },
    setHost: false,
  });
  response.once("close", () => away.destroy());
  await new Promise<void>((resolve, reject) => {
    away.once("error", (cause) => {
      if (response.headersSent) return resolve();
      const why = (cause as NodeJS.ErrnoException).code ?? cause.message;
      reject(
        new ServiceError(
          "ServiceException",
          `${base}, the upstream of ${service}, does not answer: ${why}`,
          {},
          { cause },
        ),
      );
    });
    away.once("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
      // Who breaks off on either side ends the other; there is nobody left to tell.
      pipeline(answer, response, () => resolve());
    });
    if (body === undefined) pipeline(request, away, () => {});
    else away.end(body);
  });
}

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = new Set(
    String(headers.connection ?? "")
      .toLowerCase()
      .split(/\s*,\s*/),
  );
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name) && !named.has(name)));
}
