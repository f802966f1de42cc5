import { refusal } from "./context.ts";

/** The one platform this signer signs for. Its figures are AWS's (GetSigningPlatform). */
export const lambdaPlatform = Object.freeze({
  platformId: "AWSLambda-SHA384-ECDSA",
  displayName: "AWS Lambda",
  partner: "AWSLambda",
  target: "SHA384-ECDSA",
  signingConfiguration: {
    encryptionAlgorithmOptions: { allowedValues: ["ECDSA"], defaultValue: "ECDSA" },
    hashAlgorithmOptions: { allowedValues: ["SHA256"], defaultValue: "SHA256" },
  },
  signingImageFormat: { supportedFormats: ["JSONEmbedded"], defaultFormat: "JSONEmbedded" },
  maxSizeInMB: 250,
  revocationSupported: true,
});

/** Throws ValidationException for a platform that is another's: firmware of things, images of containers. */
export function checkPlatform(id: string): void {
  if (id === lambdaPlatform.platformId) return;
  throw refusal("ValidationException", `This signer signs for ${lambdaPlatform.platformId} only, not for ${id}.`);
}
