import { createHash } from "node:crypto";

/** What a signature says about a body that was not read with it. */
export type SignedPayload =
  /** its SHA-256, 64 hexadecimal digits */
  | { readonly kind: "digest"; readonly sha256: string }
  /** nothing */
  | { readonly kind: "unsigned" }
  /** chunks without signatures, and trailing headers (`STREAMING-UNSIGNED-PAYLOAD-TRAILER`) */
  | { readonly kind: "unsigned-chunks" }
  /** chunks, each with a signature over itself and the one before it */
  | {
      readonly kind: "chunks";
      readonly key: Buffer;
      readonly date: string;
      readonly scope: string;
      /** the request's signature, where the chain begins */
      readonly seed: string;
      /** trailing headers are signed, too */
      readonly trailer: boolean;
    };

/** `x-amz-content-sha256` of the forms whose body says more than its bytes. */
export const chunkedForms = Object.freeze({
  signed: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
  signedTrailer: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
  unsignedTrailer: "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
});

export const unsignedPayload = "UNSIGNED-PAYLOAD";

export const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
