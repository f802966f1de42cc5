import { type CodeRef, limits, ServiceError } from "../../model/index.ts";
import type { FunctionSettings } from "../../registry/index.ts";
import type { Caller } from "../caller.ts";
import { type ObjectOfCode, takeObject } from "./code-from-s3.ts";
import { takeImage } from "./images.ts";
import type { LambdaApiNeeds } from "./needs.ts";

interface GivenCode extends ObjectOfCode {
  readonly ZipFile?: Uint8Array | undefined;
  readonly ImageUri?: string | undefined;
}

/** Stores the code of a request. Throws what putZip says about a bad archive, or that the source cannot be used. */
export async function takeCode(
  needs: Pick<LambdaApiNeeds, "artifacts" | "objects">,
  caller: Caller,
  code: GivenCode,
  { PackageType, Architectures }: Pick<FunctionSettings, "PackageType" | "Architectures"> = {
    PackageType: "Zip",
    Architectures: [],
  },
): Promise<CodeRef> {
  const { ZipFile, S3Bucket, ImageUri } = code;
  if (PackageType === "Image" && ImageUri !== undefined) {
    return takeImage(needs.artifacts, ImageUri, Architectures[0] ?? "x86_64", caller);
  }
  if (S3Bucket !== undefined) {
    if (ZipFile === undefined) return takeObject(needs, caller, code);
    const both = "Please do not provide other FunctionCode parameters when providing a ZipFile.";
    throw new ServiceError("InvalidParameterValueException", both);
  }
  if (ZipFile === undefined) {
    throw new ServiceError("InvalidParameterValueException", "Please provide a source for function code.");
  }
  if (ZipFile.length === 0) {
    throw new ServiceError("InvalidParameterValueException", "Uploaded file must be a non-empty zip");
  }
  if (ZipFile.length > limits.zippedCodeBytes) {
    throw new ServiceError(
      "RequestEntityTooLargeException",
      `Zipped size must be smaller than ${limits.zippedCodeBytes} bytes`,
    );
  }
  return needs.artifacts.putZip(ZipFile);
}

/** Throws InvalidParameterValueException, in AWS's words, where the code of an update is not of the function's kind. */
export function checkCodeKind(
  { ZipFile, S3Bucket, ImageUri }: GivenCode,
  { PackageType }: Pick<FunctionSettings, "PackageType">,
): void {
  const wrong = (message: string) => new ServiceError("InvalidParameterValueException", message);
  if (PackageType === "Image") {
    if (ImageUri === undefined) throw wrong("Please provide ImageUri when updating a function with packageType Image.");
    if (ZipFile === undefined && S3Bucket === undefined) return;
    throw wrong("Please don't provide a zip file or a bucket when updating a function with packageType Image.");
  }
  if (ImageUri === undefined) return;
  throw wrong("Please don't provide ImageUri when updating a function with packageType Zip.");
}

/** Throws InvalidParameterValueException, in AWS's words, where code and layers together are too large unzipped. */
export async function checkTotalSize(
  artifacts: Pick<LambdaApiNeeds["artifacts"], "unzippedBytes">,
  code: CodeRef,
  layers: readonly CodeRef[],
): Promise<void> {
  // Alone it was looked at when it was taken.
  if (layers.length === 0) return;
  const limit = limits.unzippedCodeBytes;
  const sizes = await Promise.all(layers.map(artifacts.unzippedBytes));
  const ofLayers = sizes.reduce((sum, size) => sum + size, 0);
  if (ofLayers > limit) {
    throw new ServiceError(
      "InvalidParameterValueException",
      `Layers consume more than the available size of ${limit} bytes`,
    );
  }
  const all = ofLayers + (await artifacts.unzippedBytes(code));
  if (all > limit) {
    throw new ServiceError(
      "InvalidParameterValueException",
      `Function code combined with layers exceeds the maximum allowed size of ${limit} bytes. The actual size is ${all} bytes.`,
    );
  }
}

/** Checks what Lambda checks of a list of layers before it looks them up. */
export function checkLayers(arns: readonly string[], region: string): void {
  const invalid = (message: string) => new ServiceError("InvalidParameterValueException", message);
  if (arns.length > limits.layers) throw invalid(`Cannot reference more than ${limits.layers} layers.`);
  const seen = new Map<string, string>();
  for (const arn of arns) {
    if (arn.split(":")[3] !== region) {
      throw invalid(
        `Layers are not in the same region as the function. Layers are expected to be in region ${region}.`,
      );
    }
    const layer = arn.slice(0, arn.lastIndexOf(":"));
    const other = seen.get(layer);
    if (other !== undefined) {
      throw invalid(
        `Two different versions of the same layer are not allowed to be referenced in the same function. ${other} and ${arn} are versions of the same layer.`,
      );
    }
    seen.set(layer, arn);
  }
}
