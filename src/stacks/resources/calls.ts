import { isMapping, type Mapping } from "../../templates/index.ts";

/** A request of one of AWS's services, not signed yet. */
export interface ServiceRequest {
  /** as signatures name it */
  readonly service: string;
  readonly method: string;
  /** with the query */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

export interface ServiceAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A service's refusal, in its own code. */
export class ServiceFailure extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status: number) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** The four protocols that AWS's services speak. Every function rejects with ServiceFailure. */
export interface Calls {
  /** AWS JSON: the operation in X-Amz-Target */
  json(service: string, target: string, input: object, version?: "1.0" | "1.1"): Promise<Mapping>;
  /** REST with documents of JSON; undefined members are left out */
  rest(service: string, method: string, path: string, input?: object): Promise<Mapping>;
  /** Query: a form, answered in XML; members that are lists and mappings are flattened */
  query(service: string, action: string, input: Mapping): Promise<Xml>;
  /** anything, with a body of text */
  raw(request: Partial<ServiceRequest> & Pick<ServiceRequest, "service" | "method" | "path">): Promise<ServiceAnswer>;
}

/** An answer in XML, as far as one element after the other is enough to read it. */
export interface Xml {
  /** the text of the first element of this name */
  text(name: string): string | undefined;
  /** the texts of all of them */
  texts(name: string): string[];
}

const versions: Readonly<Record<string, string>> = {
  iam: "2010-05-08",
  sns: "2010-03-31",
  sts: "2011-06-15",
  elasticloadbalancing: "2015-12-01",
  ec2: "2016-11-15",
  cloudformation: "2010-05-15",
  cloudwatch: "2010-08-01",
  monitoring: "2010-08-01",
};

export function createCalls(send: (request: ServiceRequest) => Promise<ServiceAnswer>): Calls {
  async function raw(request: Parameters<Calls["raw"]>[0]): Promise<ServiceAnswer> {
    const answer = await send({ headers: {}, body: "", ...request });
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw failureOf(answer);
  }
  return {
    raw,
    async json(service, target, input, version = "1.1") {
      const headers = { "content-type": `application/x-amz-json-${version}`, "x-amz-target": target };
      return documentOf(await raw({ service, method: "POST", path: "/", headers, body: JSON.stringify(input) }));
    },
    async rest(service, method, path, input) {
      const headers: Record<string, string> = input === undefined ? {} : { "content-type": "application/json" };
      return documentOf(
        await raw({ service, method, path, headers, body: input === undefined ? "" : JSON.stringify(input) }),
      );
    },
    async query(service, action, input) {
      const form = new URLSearchParams({ Action: action, Version: versions[service] ?? "" });
      flatten(form, "", input);
      const headers = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
      const { body } = await raw({ service, method: "POST", path: "/", headers, body: form.toString() });
      return xmlOf(body);
    },
  };
}

function documentOf({ body }: ServiceAnswer): Mapping {
  if (body === "") return {};
  const document: unknown = JSON.parse(body);
  return isMapping(document) ? document : {};
}

/** Source: Smithy, "AWS query protocol": lists as `Name.member.1`, attributes of SNS as `Name.entry.1.key`. */
function flatten(form: URLSearchParams, prefix: string, value: unknown): void {
  if (value === undefined || value === null) return;
  if (Array.isArray(value)) {
    for (const [index, each] of value.entries()) flatten(form, `${prefix}.member.${index + 1}`, each);
  } else if (value instanceof Map) {
    for (const [index, [key, each]] of [...value].entries()) {
      form.set(`${prefix}.entry.${index + 1}.key`, String(key));
      form.set(`${prefix}.entry.${index + 1}.value`, String(each));
    }
  } else if (isMapping(value)) {
    for (const [key, each] of Object.entries(value)) flatten(form, prefix === "" ? key : `${prefix}.${key}`, each);
  } else form.set(prefix, String(value));
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
const unescaped = (text: string): string =>
  text.replace(/&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g, (whole, hex?: string, number?: string, name?: string) => {
    if (name !== undefined) return entities[name] ?? whole;
    return String.fromCodePoint(hex === undefined ? Number(number) : Number.parseInt(hex, 16));
  });

export function xmlOf(body: string): Xml {
  const texts = (name: string): string[] =>
    [...body.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?>([^<]*)</${name}>`, "g"))].map(([, text = ""]) =>
      unescaped(text),
    );
  return { texts, text: (name) => texts(name)[0] };
}

/** Codes stand in a header, in `__type`, in `code` or in an element: whichever is there. */
function failureOf({ status, headers, body }: ServiceAnswer): ServiceFailure {
  let document: Mapping = {};
  try {
    const parsed: unknown = JSON.parse(body);
    if (isMapping(parsed)) document = parsed;
  } catch {
    const xml = xmlOf(body);
    document = { code: xml.text("Code"), message: xml.text("Message") };
  }
  const named = headers["x-amzn-errortype"] ?? document.__type ?? document.code ?? document.Code ?? `HTTP ${status}`;
  const code = String(named).split(":")[0]!.split("#").at(-1)!;
  const message = document.message ?? document.Message ?? (body.slice(0, 500) || `status ${status}`);
  return new ServiceFailure(code, String(message), status);
}

/** Is that what a service says of something that is not there? */
export const isMissing = (error: unknown): boolean =>
  error instanceof ServiceFailure &&
  (error.status === 404 ||
    /NotFound|NoSuch|NonExistent|DoesNotExist|^404/.test(error.code) ||
    /does not exist|not found/i.test(error.message)) &&
  !/NotImplemented|UnknownOperation|InvalidAction/.test(error.code);

/** Is that what a service says of a name that is taken? */
export const isTaken = (error: unknown): boolean =>
  error instanceof ServiceFailure &&
  (error.status === 409 || /AlreadyExists|AlreadyOwnedByYou|Duplicate|NameExists|Conflict/.test(error.code)) &&
  !/InProgress|DeleteConflict/.test(error.code);
