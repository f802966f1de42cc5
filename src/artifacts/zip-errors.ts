import { limits, ServiceError } from "../model/index.ts";

/** The archive cannot be used, and it is the sender's fault. AWS's text is kept to the letter; `Reason` says what we saw. */
export function badZip(reason: string, cause?: unknown): ServiceError {
  return new ServiceError(
    "InvalidParameterValueException",
    "Could not unzip uploaded file. Please check your file, then try to upload again.",
    { Reason: reason },
    { cause },
  );
}

/** No bytes, or an archive without a single entry. */
export function emptyZip(): ServiceError {
  return new ServiceError("InvalidParameterValueException", "Uploaded file must be a non-empty zip");
}

export function unzippedTooLarge(): ServiceError {
  return new ServiceError(
    "InvalidParameterValueException",
    `Unzipped size must be smaller than ${limits.unzippedCodeBytes} bytes`,
  );
}
