import { type FunctionVersion, ServiceError } from "../model/index.ts";
import type { KeyLookup } from "./lookup.ts";

const troubles = {
  disabled: { code: "KMSDisabledException", why: "used is disabled" },
  state: { code: "KMSInvalidStateException", why: "used is in an invalid state for Decrypt" },
  gone: { code: "KMSNotFoundException", why: "was not found" },
} as const;

/**
 * A function whose own key cannot be used does not run. Throws ServiceError with the codes of Lambda's Invoke; the words
 * are those of its API page as far as it has any.
 */
export function checkFunctionKey(keys: Pick<KeyLookup, "trouble"> | undefined, { kmsKeyArn }: FunctionVersion): void {
  const trouble = kmsKeyArn === undefined ? undefined : keys?.trouble(kmsKeyArn);
  if (trouble === undefined) return;
  const { code, why } = troubles[trouble.code];
  throw new ServiceError(
    code,
    `Lambda was unable to decrypt the environment variables because the KMS key ${why}. Please check the function's KMS key settings. KMS Exception: ${code} KMS Message: ${trouble.message}`,
  );
}
