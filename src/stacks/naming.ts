import { createHash } from "node:crypto";
import type { Handler } from "./resources/index.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/**
 * The name of a resource that its template leaves to CloudFormation: stack, logical id and twelve letters. They come from what is
 * made for whom (`seed`), so that a second try has the same.
 */
export function generatedName(
  stackName: string,
  logicalId: string,
  seed: string,
  rules: Handler["name"] = { property: "", most: 255 },
): string {
  const digest = createHash("sha256").update(`${seed}/${logicalId}`).digest();
  const suffix = [...digest.subarray(0, 12)].map((byte) => alphabet[byte % 32]).join("");
  const most = rules.most - suffix.length - 2;
  // Both are cut, the longer one first: what is left has to tell resources apart.
  const half = Math.floor(most / 2);
  const stack = stackName.slice(0, Math.max(half, most - logicalId.length));
  const name = `${stack}-${logicalId.slice(0, most - stack.length)}-${suffix}`;
  return rules.lower === true ? name.toLowerCase() : name;
}
