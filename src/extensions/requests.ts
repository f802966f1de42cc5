/** A request to one of the APIs for extensions, as the agent passes it on (agent/PROTOCOL.md, REQUEST). */
export interface ApiRequest {
  readonly method: string;
  /** without its query */
  readonly path: string;
  /** A header's value; empty where it is missing. */
  header(name: string): string;
  readonly body: Buffer;
}

/** The head comes from the agent, which has read it as HTTP/1.1 before. */
export function readRequest(head: string, body: Buffer): ApiRequest {
  const [start = "", ...lines] = head.split("\r\n");
  const [method = "", target = ""] = start.split(" ");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { method, path: target.split("?")[0]!, header: (name) => headers.get(name.toLowerCase()) ?? "", body };
}

/** What a request is answered with. */
export interface ApiAnswer {
  readonly status: number;
  readonly document: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const reasons: Readonly<Record<number, string>> = {
  200: "OK",
  202: "Accepted",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
};

/** REPLY's payload: `u16 length of head`, status line and header lines, body. */
export function encodeReply({ status, document, headers = {} }: ApiAnswer): Buffer {
  let head = `${status} ${reasons[status] ?? ""}\r\nContent-Type: application/json\r\n`;
  for (const [name, value] of Object.entries(headers)) head += `${name}: ${value}\r\n`;
  const body = Buffer.from(JSON.stringify(document));
  const front = Buffer.from(`..${head}`);
  front.writeUInt16LE(front.length - 2, 0);
  return Buffer.concat([front, body]);
}

export const accepted: ApiAnswer = { status: 202, document: { status: "OK" } };
export const notFound = refusal(404, "NotFound", "There is no such path in the APIs for extensions");

/** Error types and messages are those of AWS's Runtime Interface Emulator. */
export function refusal(status: number, errorType: string, errorMessage: string): ApiAnswer {
  return { status, document: { errorMessage, errorType } };
}

/** The answer to every request where extensions have nothing to do: an environment that will see no event. */
export function refuseAll(): Buffer {
  return encodeReply(refusal(403, "Extension.RegistrationClosed", "Extension registration closed already"));
}
