import { isMapping, type Mapping } from "../templates/index.ts";
import type { Calls } from "./resources/index.ts";

const pattern = /\{\{resolve:(ssm|ssm-secure|secretsmanager):([^}]+)\}\}/g;

/**
 * Values that stand elsewhere: `{{resolve:ssm:name:version}}`, `{{resolve:secretsmanager:id:SecretString:key:stage:version}}`. What is
 * kept of a stack is the reference, never the value. Source: CloudFormation User Guide, "Dynamic references".
 */
export async function dereferenced(properties: Mapping, calls: Calls): Promise<Mapping> {
  const found = new Map<string, string>();
  for (const [whole, kind, rest] of JSON.stringify(properties).matchAll(pattern)) {
    const reference = JSON.parse(`"${whole}"`) as string;
    if (!found.has(reference)) found.set(reference, await referred(calls, kind!, JSON.parse(`"${rest}"`) as string));
  }
  return found.size === 0 ? properties : (replaced(properties, found) as Mapping);
}

function replaced(value: unknown, found: ReadonlyMap<string, string>): unknown {
  if (typeof value === "string") return value.replace(pattern, (whole) => found.get(whole) ?? whole);
  if (Array.isArray(value)) return value.map((each) => replaced(each, found));
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, replaced(each, found)]));
}

async function referred(calls: Calls, kind: string, rest: string): Promise<string> {
  if (kind !== "secretsmanager") {
    const input = { Name: rest, WithDecryption: kind === "ssm-secure" };
    const { Parameter } = await calls.json("ssm", "AmazonSSM.GetParameter", input);
    return String((Parameter as Mapping).Value);
  }
  const [, arn, tail = ""] = /^(arn:[^:]*:secretsmanager:[^:]*:[^:]*:secret:[^:]+|[^:]+)(?::(.*))?$/.exec(rest) ?? [];
  const [, key = "", VersionStage = "", VersionId = ""] = tail.split(":");
  const input = {
    SecretId: arn,
    ...(VersionStage === "" ? {} : { VersionStage }),
    ...(VersionId === "" ? {} : { VersionId }),
  };
  const { SecretString } = await calls.json("secretsmanager", "secretsmanager.GetSecretValue", input);
  if (key === "") return String(SecretString);
  const document: unknown = JSON.parse(String(SecretString));
  if (isMapping(document) && Object.hasOwn(document, key)) return String(document[key]);
  throw new Error(`Could not find a value associated with JSONKey ${key} in the secret ${String(arn)}`);
}
