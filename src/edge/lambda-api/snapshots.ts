import type { FunctionVersion } from "../../model/index.ts";
import type { Settlement } from "../../registry/index.ts";
import type { LambdaApiNeeds } from "./needs.ts";

interface Needs extends Pick<LambdaApiNeeds, "report"> {
  readonly snapshot: LambdaApiNeeds["snapshot"] | undefined;
  note(line: string): void;
}

/**
 * Makes the snapshot of a published version with SnapStart and says how its publication ends. Only the function's own
 * failure fails the version: where this machine cannot make an image, it becomes Active all the same and starts plainly
 * (OptimizationStatus Off), and the operator is told why.
 */
export async function snapshotOf(needs: Needs, target: FunctionVersion): Promise<Settlement> {
  try {
    const result = await needs.snapshot?.(target);
    if (result === undefined) return plainly("this platform makes no images");
    if (!result.ok) return failed(result.errorType, result.message);
    if (result.why !== undefined) return plainly(result.why);
    return { ready: true, optimized: true };
  } catch (error) {
    needs.report(error);
    return plainly("its snapshot failed; the error stands before this line");
  }

  function plainly(why: string): Settlement {
    needs.note(`${target.arn} has SnapStart and is started without a snapshot: ${why}`);
    return { ready: true };
  }
}

/** In the words of a version whose init fails on AWS; what the function said follows. */
function failed(errorType: string, message: string): Settlement {
  const said = [errorType, message].filter((part) => part !== "").join(": ");
  return {
    ready: false,
    reason: `An error occurred during function initialization. ${said}`.trim(),
    code: reasonCode(errorType),
  };
}

/** Those of Lambda's StateReasonCodes that say what happened; FunctionError is what it gives for any other failure. */
const reasonCodes: Readonly<Record<string, string>> = {
  timeout: "FunctionError.InitTimeout",
  "Sandbox.Timedout": "FunctionError.InitTimeout",
  "Runtime.InvalidEntrypoint": "FunctionError.InvalidEntryPoint",
  "Runtime.InvalidWorkingDir": "FunctionError.InvalidWorkingDirectory",
  "Runtime.OutOfMemory": "FunctionError.InitResourceExhausted",
};

function reasonCode(errorType: string): string {
  if (errorType.startsWith("Extension.")) return "FunctionError.ExtensionInitError";
  return reasonCodes[errorType] ?? "FunctionError";
}

/** A failure that lies in the function: to try again would only fail again. */
export const isOwnFailure = (code: string | undefined): boolean => code?.startsWith("FunctionError") === true;
