import { type Objects, ObjectsError } from "../../../objects/index.ts";
import type { SignerObjects } from "../signer/context.ts";

/** The largest archive that is signed, and so the largest object that is read as a whole. */
const archiveBytes = 512 * 1024 * 1024;

/** As much of S3 as AWS Signer needs. */
export const signerObjects = (objects: Objects): SignerObjects => ({
  read: async ({ account }, bucket, key, version) =>
    wholeObject(objects, account, { bucket, key, version: version === "" ? undefined : version }, archiveBytes),
  async write({ account }, bucket, key, bytes) {
    ownBucket(objects, account, bucket);
    const { segments, size, md5, sums } = await objects.receive(once(bytes), ["CRC64NVME"]);
    await objects.put({
      bucket,
      key,
      owner: account,
      etag: md5,
      size,
      segments,
      headers: { "content-type": "application/zip" },
      metadata: {},
      tags: {},
      storageClass: "STANDARD",
      checksum: { algorithm: "CRC64NVME", value: sums.CRC64NVME!, type: "FULL_OBJECT" },
    });
  },
});

export interface ObjectName {
  readonly bucket: string;
  readonly key: string;
  readonly version?: string | undefined;
}

/** All bytes of an object of the account's. Rejects with ObjectsError. */
export async function wholeObject(
  objects: Objects,
  account: string,
  { bucket, key, version }: ObjectName,
  most: number,
): Promise<Buffer> {
  ownBucket(objects, account, bucket);
  const { record } = objects.find(bucket, key, version);
  if (record.marker) throw new ObjectsError("NoSuchKey", "The specified key does not exist.", { Key: key });
  if (record.size > most) throw new ObjectsError("InvalidRequest", `The object has more than ${most} bytes.`);
  const pieces: Buffer[] = [];
  for await (const piece of objects.read(record)) pieces.push(piece);
  return Buffer.concat(pieces, record.size);
}

/** Throws NoSuchBucket: of another's bucket nothing is told. */
function ownBucket(objects: Objects, account: string, name: string): void {
  const bucket = objects.bucket(name);
  if (bucket?.account === account) return;
  throw new ObjectsError("NoSuchBucket", "The specified bucket does not exist", { BucketName: name });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
