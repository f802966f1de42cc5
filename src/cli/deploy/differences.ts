import { isDeepStrictEqual } from "node:util";
import type { FunctionConfiguration, Settings } from "../lambda.ts";

export interface Change {
  /** AWS's name of the member, `code` for the code */
  readonly member: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** What a member is when a template does not mention it. Source: CreateFunction's documented defaults. */
const defaults: Settings = {
  Description: "",
  MemorySize: 128,
  Timeout: 3,
  Environment: { Variables: {} },
  Layers: [],
  EphemeralStorage: { Size: 512 },
  TracingConfig: { Mode: "PassThrough" },
  DeadLetterConfig: { TargetArn: "" },
  SnapStart: { ApplyOn: "None" },
  LoggingConfig: { LogFormat: "Text" },
};

/** Members that exist only at creation, or that another operation changes. */
const notConfiguration = new Set(["Architectures", "PackageType", "Publish"]);

/**
 * What UpdateFunctionConfiguration has to change so that `current` becomes `wished`. Members with the value they already
 * have are left out, so that an unchanged function is not drained of its warm environments.
 */
export function differences(
  current: FunctionConfiguration,
  wished: Settings,
  complete: boolean,
): { changes: Change[]; settings: Record<string, unknown>; architectures: unknown } {
  const goal: Record<string, unknown> = complete ? { ...defaults, ...wished } : { ...wished };
  const changes: Change[] = [];
  const settings: Record<string, unknown> = {};
  let architectures: unknown;
  for (const [member, to] of Object.entries(goal)) {
    const from = comparable(member, current[member] ?? defaults[member]);
    if (same(member, from, to)) continue;
    if (member === "Architectures") architectures = to;
    else if (notConfiguration.has(member)) continue;
    else settings[member] = to;
    changes.push({ member, from, to });
  }
  return { changes, settings, architectures };
}

/** GetFunctionConfiguration answers layers as objects; the request takes their ARNs. */
function comparable(member: string, value: unknown): unknown {
  if (member !== "Layers" || !Array.isArray(value)) return value;
  return value.map((layer: unknown) =>
    typeof layer === "object" && layer !== null && "Arn" in layer ? layer.Arn : layer,
  );
}

/** Objects may hold more than was asked for (Lambda fills in defaults), except variables: one too many is a difference. */
function same(member: string, from: unknown, to: unknown): boolean {
  if (member === "Environment" || typeof to !== "object" || to === null || Array.isArray(to)) {
    return isDeepStrictEqual(from, to);
  }
  if (typeof from !== "object" || from === null) return false;
  return Object.entries(to).every(([key, value]) => isDeepStrictEqual((from as Record<string, unknown>)[key], value));
}
