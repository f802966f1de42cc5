import { S3Error } from "../errors.ts";

/** What a form's policy says of the file's size, bytes. */
export interface SizeRange {
  readonly from: number;
  readonly to: number;
}

type Condition =
  | { readonly kind: "eq" | "starts-with"; readonly field: string; readonly value: string; readonly shown: string }
  | ({ readonly kind: "size" } & SizeRange);

/** Fields that a policy says nothing about: it is one of them, or is signed with it, or is to be let through. */
const ownFields: ReadonlySet<string> = new Set(["policy", "signature", "awsaccesskeyid", "x-amz-signature", "bucket"]);

/**
 * Checks a form's fields against the policy that was signed for it. Returns what it says of sizes. Throws AccessDenied, InvalidPolicyDocument.
 * Source: S3 API Reference, "POST Policy".
 */
export function checkForm(policy: string, fields: ReadonlyMap<string, string>, now: number): SizeRange | undefined {
  const { expiration, conditions } = parsed(policy);
  if (now > expiration) throw denied("Policy expired.");
  let range: SizeRange | undefined;
  const named = new Set<string>();
  for (const condition of conditions) {
    if (condition.kind === "size") {
      range = condition;
      continue;
    }
    named.add(condition.field);
    const given = fields.get(condition.field) ?? "";
    const holds = condition.kind === "eq" ? given === condition.value : startsWith(given, condition);
    if (!holds) throw denied(`Policy Condition failed: ${condition.shown}`);
  }
  const extra = [...fields.keys()].filter(
    (name) => !named.has(name) && !ownFields.has(name) && !name.startsWith("x-ignore-"),
  );
  if (extra.length > 0) throw denied(`Extra input fields: ${extra.join(", ")}`);
  return range;
}

/** A list of content types is one that begins so in each of them. */
function startsWith(given: string, { field, value }: { readonly field: string; readonly value: string }): boolean {
  const parts = field === "content-type" ? given.split(",") : [given];
  return parts.every((part) => part.startsWith(value));
}

function parsed(policy: string): { readonly expiration: number; readonly conditions: readonly Condition[] } {
  const document = documentOf(policy);
  const expiration = typeof document.expiration === "string" ? Date.parse(document.expiration) : Number.NaN;
  if (Number.isNaN(expiration)) throw invalid("Policy missing expiration.");
  if (!Array.isArray(document.conditions)) throw invalid("Policy missing conditions.");
  return { expiration, conditions: document.conditions.flatMap(conditionsOf) };
}

function documentOf(policy: string): Record<string, unknown> {
  try {
    const document = JSON.parse(Buffer.from(policy, "base64").toString("utf8")) as unknown;
    if (typeof document === "object" && document !== null) return document as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw invalid("Invalid JSON.");
}

/** `{"bucket": "b"}`, `["eq", "$key", "k"]`, `["starts-with", "$key", "k"]`, `["content-length-range", 1, 2]`. */
function conditionsOf(given: unknown): Condition[] {
  if (Array.isArray(given)) {
    const [operator, first, second] = given as unknown[];
    const kind = typeof operator === "string" ? operator.toLowerCase() : "";
    if (kind === "content-length-range" && isSize(first) && isSize(second)) {
      return [{ kind: "size", from: Number(first), to: Number(second) }];
    }
    if ((kind === "eq" || kind === "starts-with") && typeof first === "string" && typeof second === "string") {
      if (!first.startsWith("$")) throw invalid("Invalid Condition: a field is named with a $ before it.");
      return [{ kind, field: first.slice(1).toLowerCase(), value: second, shown: JSON.stringify(given) }];
    }
    throw invalid("Invalid Condition.");
  }
  if (typeof given !== "object" || given === null) throw invalid("Invalid Condition.");
  return Object.entries(given).map(([name, value]): Condition => {
    if (typeof value !== "string") throw invalid("Invalid Simple-Condition: value must be a string.");
    return { kind: "eq", field: name.toLowerCase(), value, shown: JSON.stringify(["eq", `$${name}`, value]) };
  });
}

const isSize = (value: unknown): boolean => /^\d{1,15}$/.test(String(value));
const denied = (why: string): S3Error => new S3Error("AccessDenied", `Invalid according to Policy: ${why}`);
const invalid = (why: string): S3Error => new S3Error("InvalidPolicyDocument", `Invalid Policy: ${why}`);
