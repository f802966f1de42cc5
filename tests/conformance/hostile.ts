import type { Member, ServiceModel, Shape } from "../../src/edge/lambda-api/model.ts";

/** A request as it goes over the wire: whatever a hostile client can write. */
export interface RawRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A request, and what is wrong with it. */
export interface Hostile extends RawRequest {
  readonly what: string;
}

type Input = Readonly<Record<string, unknown>>;

/** JSON values as text, for some cannot be made by JSON.stringify. */
const values: Readonly<Record<string, string>> = {
  null: "null",
  true: "true",
  number: "7",
  negative: "-1",
  fraction: "1.5",
  huge: "1e400",
  beyond: "9007199254740993",
  text: '"x"',
  empty: '""',
  blank: '" \\t "',
  nul: '"a\\u0000b"',
  lone: '"a\\ud800b"',
  reversed: '"\\u202egnp.exe"',
  unicode: '"ünï😀\\u0301"',
  traversal: '"../../../etc/passwd"',
  arn: '"arn:aws:lambda:us-east-1:000000000000:function:f"',
  "broken arn": '"arn:aws:lambda:us-east-1:0:function"',
  large: `"${"x".repeat(1_000_000)}"`,
  "text of many colons": `"${":".repeat(5000)}"`,
  list: "[]",
  "list of null": "[null]",
  "list of lists": "[[[]]]",
  "long list": `[${'"a",'.repeat(2000)}"a"]`,
  "same twice": '["a","a"]',
  structure: "{}",
  proto: '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
  deep: `${"[".repeat(20_000)}${"]".repeat(20_000)}`,
  "deep structure": `${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`,
};

/** What labels and queries are given, percent-encoded as here. */
const texts: Readonly<Record<string, string>> = {
  traversal: "..%2F..%2Fetc%2Fpasswd",
  "dot segments": "%2e%2e",
  nul: "a%00b",
  "bad encoding": "%zz",
  "bad UTF-8": "%ff%fe",
  lone: "%ed%a0%80",
  unicode: "%C3%BC%F0%9F%98%80",
  long: "x".repeat(3000),
  empty: "",
  blank: "%20",
  colons: "f:1:2:3:4:5:6:7:8",
  arn: "arn:aws:lambda:eu-west-9:999999999999:function:f",
  number: "-1",
  "no number": "NaN",
  huge: "1e400",
  proto: "__proto__",
  constructor: "constructor",
};

/** Every request of an operation with one thing wrong, made from one that fits the model, which comes first. */
export function* hostile(model: ServiceModel, operation: string, input: Input): Iterable<Hostile> {
  const shape = model.shapes[model.operations[operation]!.input!]!;
  const plain = (changes: Input = {}) => assemble(model, operation, { ...input, ...changes });
  const members = Object.entries(shape.members ?? {});
  yield { what: "nothing wrong", ...plain() };
  for (const [name, member] of members) {
    yield { what: `${name} left out`, ...plain({ [name]: undefined }) };
    if (member.location === undefined && shape.payload === undefined) {
      for (const [kind, text] of Object.entries(values))
        yield { what: `${name}: ${kind}`, ...withRaw(plain(), name, text) };
      yield* inside(model, model.shapes[member.shape]!, name, plain());
    } else if (member.location !== undefined) {
      for (const [kind, text] of Object.entries(texts)) {
        if (member.location === "header") continue;
        yield { what: `${name}: ${kind}`, ...assemble(model, operation, input, { [name]: text }) };
      }
    }
    if (member.location === "querystring") {
      const key = member.locationName ?? name;
      const { target, ...rest } = plain({ [name]: "1" });
      yield { what: `${name} twice`, target: `${target}${target.includes("?") ? "&" : "?"}${key}=2`, ...rest };
    }
  }
  yield* bodies(plain(), shape);
}

/** One level down: members of structures with a wrong type, keys of maps that are hostile. */
function* inside(model: ServiceModel, shape: Shape, name: string, plain: RawRequest): Iterable<Hostile> {
  const given = (text: string, what: string) => ({ what: `${name}: ${what}`, ...withRaw(plain, name, text) });
  for (const inner of Object.keys(shape.members ?? {})) {
    for (const kind of ["null", "number", "nul", "lone", "large", "list", "proto", "deep"]) {
      yield given(`{${JSON.stringify(inner)}:${values[kind]}}`, `${inner}: ${kind}`);
    }
  }
  if (shape.type === "map") {
    for (const key of ["", "__proto__", "constructor", "a\\u0000", "\\ud800", "x".repeat(1000)]) {
      for (const value of ['"v"', "null", "{}", "1"])
        yield given(`{"${key}":${value}}`, `key ${key.slice(0, 20)} is ${value}`);
    }
    yield given('{"a":"1","a":"2"}', "same key twice");
  }
  if (shape.type === "list" && model.shapes[shape.member!.shape]!.type === "structure") {
    for (const kind of ["null", "number", "structure", "list", "proto"])
      yield given(`[${values[kind]}]`, `one ${kind}`);
  }
}

function* bodies(plain: RawRequest, shape: Shape): Iterable<Hostile> {
  const text = plain.body.toString();
  if (shape.payload !== undefined || text === "") return;
  const of = (what: string, body: string | Buffer) => ({ ...plain, what, body: Buffer.from(body as string) });
  // Cut anywhere, and not everywhere: a body is some hundred bytes.
  const step = Math.max(1, Math.floor(text.length / 25));
  for (let end = 1; end < text.length; end += step) yield of(`cut after ${end} bytes`, text.slice(0, end));
  yield of(
    "unknown members",
    text.replace(/^\{/, '{"Unknown":{"a":[1]},"__proto__":{"x":1},"constructor":1,"toString":null,'),
  );
  yield of(
    "all twice",
    text.replace(/^\{(.*)\}$/s, (_, inner: string) => (inner === "" ? "{}" : `{${inner},${inner}}`)),
  );
  yield of("no UTF-8", Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from([0xff, 0xc0, 0x80])]));
  yield of("a byte order mark", Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text)]));
  yield of("something after it", `${text}}`);
  for (const [kind, value] of Object.entries(values)) yield of(`body: ${kind}`, value);
}

/** A body with one member's value written as it stands. */
function withRaw(plain: RawRequest, name: string, text: string): RawRequest {
  const body = JSON.parse(plain.body.toString() || "{}") as Record<string, unknown>;
  delete body[name];
  const rest = JSON.stringify(body).slice(1, -1);
  return { ...plain, body: Buffer.from(`{${JSON.stringify(name)}:${text}${rest === "" ? "" : `,${rest}`}}`) };
}

/** A request for an input. `encoded`: what a label or a query gets instead, already percent-encoded. */
export function assemble(
  model: ServiceModel,
  operation: string,
  input: Input,
  encoded: Readonly<Record<string, string>> = {},
): RawRequest {
  const { method, path, input: shapeName } = model.operations[operation]!;
  const shape = model.shapes[shapeName!]!;
  const [bare = "", fixed = ""] = path.split("?");
  const query = fixed === "" ? [] : [fixed];
  let target = bare;
  const headers: Record<string, string> = {};
  const body: Record<string, unknown> = {};
  const written = (value: unknown) => encodeURIComponent(String(value));
  for (const [name, member] of Object.entries(shape.members ?? {}) as [string, Member][]) {
    const key = member.locationName ?? name;
    const value = input[name];
    const given = encoded[name] ?? (value === undefined ? undefined : written(value));
    if (member.location === "uri") target = target.replace(new RegExp(`\\{${key}\\+?\\}`), () => given ?? "");
    else if (member.location === "querystring" && given !== undefined) query.push(`${key}=${given}`);
    else if (member.location === "header" && value !== undefined) headers[key] = String(value);
    else if (member.location === undefined && value !== undefined) body[name] = value;
  }
  const payload = shape.payload === undefined ? body : input[shape.payload];
  const bodied = method !== "GET" && method !== "DELETE";
  return {
    method,
    target: `${target}${query.length === 0 ? "" : `?${query.join("&")}`}`,
    headers,
    body: Buffer.from(
      !bodied || payload === undefined ? "" : Buffer.isBuffer(payload) ? payload : JSON.stringify(payload),
    ),
  };
}
