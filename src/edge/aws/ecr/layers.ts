import { digestPattern, RepositoryError } from "../../../repositories/index.ts";
import { type EcrCall, type Named, repositoryOf } from "./context.ts";
import { hostOf, named } from "./repositories.ts";

/** Bytes of a part, as clients are told to send them. Source: ECR API Reference, "InitiateLayerUpload". */
const partSize = 10 * 1024 * 1024;

export function batchCheckLayerAvailability(call: EcrCall<Named & { readonly layerDigests: readonly string[] }>) {
  const record = repositoryOf(call);
  const layers: object[] = [];
  const failures: object[] = [];
  for (const layerDigest of call.input.layerDigests) {
    if (!digestPattern.test(layerDigest)) {
      const failureReason = `Invalid layer digest: ${layerDigest}`;
      failures.push({ layerDigest, failureCode: "InvalidLayerDigest", failureReason });
      continue;
    }
    const blob = call.context.repositories.blob(record, layerDigest);
    layers.push({
      layerDigest,
      layerAvailability: blob === undefined ? "UNAVAILABLE" : "AVAILABLE",
      layerSize: blob?.size ?? 0,
    });
  }
  return { layers, failures };
}

export function getDownloadUrlForLayer(call: EcrCall<Named & { readonly layerDigest: string }>) {
  const record = repositoryOf(call);
  const { layerDigest } = call.input;
  const blob = call.context.repositories.blob(record, layerDigest);
  if (blob === undefined) {
    throw new RepositoryError(
      "LayersNotFoundException",
      `The layer with digest '${layerDigest}' does not exist in the repository with name '${record.repository}' in the registry with id '${record.account}'`,
    );
  }
  const token = call.context.tokens.forBlob(`${blob.account} ${blob.name}`);
  const { account, region, repository } = record;
  const query = new URLSearchParams({ registry: `${account}.${region}`, token });
  return {
    downloadUrl: `http://${hostOf(call.exchange)}/v2/${repository}/blobs/${layerDigest}?${query}`,
    layerDigest,
  };
}

export async function initiateLayerUpload(call: EcrCall<Named>) {
  const { id } = await call.context.repositories.begin(repositoryOf(call));
  return { uploadId: id, partSize };
}

export async function uploadLayerPart(
  call: EcrCall<
    Named & {
      readonly uploadId: string;
      readonly partFirstByte: number;
      readonly partLastByte: number;
      readonly layerPartBlob: Uint8Array;
    }
  >,
) {
  const record = repositoryOf(call);
  const { uploadId, partFirstByte, partLastByte, layerPartBlob } = call.input;
  const { repositories } = call.context;
  const upload = repositories.upload(record, uploadId);
  if (partFirstByte !== upload.size || partLastByte !== partFirstByte + layerPartBlob.length - 1) {
    throw new RepositoryError(
      "InvalidLayerPartException",
      `The layer part is invalid: it must begin with byte ${upload.size}, and have as many as it says`,
      { ...named(record), uploadId, lastValidByteReceived: upload.size - 1 },
    );
  }
  await repositories.append(upload, once(layerPartBlob));
  return { ...named(record), uploadId, lastByteReceived: upload.size - 1 };
}

export async function completeLayerUpload(
  call: EcrCall<Named & { readonly uploadId: string; readonly layerDigests: readonly string[] }>,
) {
  const record = repositoryOf(call);
  const { uploadId, layerDigests } = call.input;
  const { repositories } = call.context;
  const upload = repositories.upload(record, uploadId);
  const layerDigest = layerDigests.find((digest) => digestPattern.test(digest));
  if (layerDigest === undefined) {
    throw new RepositoryError(
      "InvalidParameterException",
      "Invalid parameter at 'layerDigests': a sha256 digest is wanted",
    );
  }
  if (upload.size === 0) throw new RepositoryError("EmptyUploadException", "No layer parts were uploaded");
  await repositories.finish(record, upload, layerDigest);
  return { ...named(record), uploadId, layerDigest };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
