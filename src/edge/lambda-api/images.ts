import { ImageRefused, type ImageTrouble } from "../../artifacts/index.ts";
import { type CodeRef, ServiceError } from "../../model/index.ts";
import type { Scope } from "../../registry/index.ts";
import type { LambdaApiNeeds } from "./needs.ts";

/** Looks up the image of a request. Throws InvalidParameterValueException or AccessDeniedException, as Lambda does before it makes anything. */
export async function takeImage(
  { images }: Pick<LambdaApiNeeds["artifacts"], "images">,
  uri: string,
  architecture: "x86_64" | "arm64",
  { account, region }: Scope,
): Promise<CodeRef> {
  try {
    return await images.resolve(uri, architecture, { account, region });
  } catch (error) {
    if (!(error instanceof ImageRefused)) throw error;
    const code = error.trouble === "denied" ? "AccessDeniedException" : "InvalidParameterValueException";
    throw new ServiceError(code, error.message, {}, { cause: error });
  }
}

const reasons: Readonly<Record<ImageTrouble, string>> = {
  invalid: "InvalidImage",
  missing: "ImageDeleted",
  denied: "ImageAccessDenied",
  unsupported: "InvalidImage",
  damaged: "InvalidImage",
  unreachable: "InternalError",
};

/** Why a function whose image cannot be used does not become active: its StateReason and StateReasonCode. */
export function imageFailure(error: ImageRefused): { reason: string; code: string } {
  return { reason: error.message, code: reasons[error.trouble] };
}
