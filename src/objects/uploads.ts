import { createHash, randomBytes } from "node:crypto";
import { type Algorithm, type Checksum, type ChecksumType, isSum, ofParts, usualType } from "./checksums.ts";
import { noSuchUpload, ObjectsError } from "./failure.ts";
import type { Inside, Received, WriteCondition } from "./objects.ts";
import type { ObjectRecord, PartRecord, Segment, UploadRecord } from "./records.ts";

/** All but the last part. Source: S3 User Guide, "Amazon S3 multipart upload limits". */
const smallestPart = 5 * 1024 * 1024;

/** A part as the client lists it. */
export interface ListedPart {
  readonly number: number;
  readonly etag: string;
  readonly sums: Readonly<Partial<Record<Algorithm, string>>>;
}

export interface Completion {
  readonly parts: readonly ListedPart[];
  readonly condition?: WriteCondition | undefined;
  /** what the client says of the whole */
  readonly sums: Readonly<Partial<Record<Algorithm, string>>>;
  readonly type?: ChecksumType | undefined;
  readonly size?: number | undefined;
}

/** Uploads in parts. The parts stay the files they are; completing one moves no byte. */
export interface Uploads {
  create(upload: Omit<UploadRecord, "id" | "initiated">): Promise<UploadRecord>;
  /** Throws NoSuchUpload. */
  find(bucket: string, key: string, id: string): UploadRecord;
  putPart(
    upload: UploadRecord,
    number: number,
    received: Received,
    checksum: Checksum | undefined,
  ): Promise<PartRecord>;
  parts(upload: UploadRecord): PartRecord[];
  complete(upload: UploadRecord, completion: Completion): Promise<ObjectRecord>;
  abort(upload: UploadRecord): Promise<void>;
  /** Of a bucket, by key and then by time. */
  list(bucket: string): UploadRecord[];
}

type Write = <T extends { replaced: readonly Segment[] }>(change: () => T) => Promise<T>;

export function createUploads({ store, files, clock, bucketNamed, add }: Inside, write: Write): Uploads {
  function find(bucket: string, key: string, id: string): UploadRecord {
    bucketNamed(bucket);
    const upload = store.upload(id);
    if (upload === undefined || upload.bucket !== bucket || upload.key !== key) throw noSuchUpload(id);
    return upload;
  }

  return {
    find,
    async create(given) {
      bucketNamed(given.bucket);
      const upload: UploadRecord = { ...given, id: randomBytes(48).toString("base64url"), initiated: clock() };
      store.transaction(() => store.putUpload(upload));
      await store.synced();
      return upload;
    },
    async putPart({ bucket, key, id }, number, { segments, size, md5 }, checksum) {
      const part: PartRecord = { upload: id, number, size, etag: md5, modified: clock(), checksum, segments };
      try {
        await write(() => {
          // It may have been completed or aborted while the part was sent.
          find(bucket, key, id);
          const replaced = store.part(id, number)?.segments ?? [];
          store.disown(replaced);
          store.putPart(part);
          store.own(segments);
          return { replaced };
        });
      } catch (error) {
        if (error instanceof ObjectsError) await files.remove(segments);
        throw error;
      }
      return part;
    },
    parts: ({ id }) => store.parts(id),
    async complete(upload, completion) {
      const { record } = await write(() => {
        find(upload.bucket, upload.key, upload.id);
        const uploaded = store.parts(upload.id);
        const chosen = chosenParts(upload, uploaded, completion.parts);
        const segments = chosen.flatMap((part) => part.segments);
        const unused = uploaded.filter((part) => !chosen.includes(part)).flatMap((part) => part.segments);
        // They change their owner.
        store.disown([...segments, ...unused]);
        store.removeUpload(upload.id);
        const { id: _id, initiated: _initiated, algorithm: _algorithm, checksumType: _type, ...described } = upload;
        const size = chosen.reduce((sum, part) => sum + part.size, 0);
        const checksum = wholeChecksum(upload, chosen, completion);
        checkSize(size, completion.size);
        const parts = chosen.map((part) => ({ number: part.number, size: part.size, checksum: part.checksum?.value }));
        const added = add(
          { ...described, segments, size, etag: etagOf(chosen), checksum, parts },
          completion.condition,
        );
        return { record: added.record, replaced: [...added.replaced, ...unused] };
      });
      return record;
    },
    async abort({ bucket, key, id }) {
      await write(() => {
        find(bucket, key, id);
        const replaced = store.parts(id).flatMap((part) => part.segments);
        store.disown(replaced);
        store.removeUpload(id);
        return { replaced };
      });
    },
    list: (bucket) => {
      bucketNamed(bucket);
      return store.uploads(bucket);
    },
  };
}

function chosenParts(
  upload: UploadRecord,
  uploaded: readonly PartRecord[],
  listed: readonly ListedPart[],
): PartRecord[] {
  const byNumber = new Map(uploaded.map((part) => [part.number, part]));
  const chosen: PartRecord[] = [];
  for (const [index, { number, etag, sums }] of listed.entries()) {
    if (index > 0 && number <= listed[index - 1]!.number) {
      throw new ObjectsError(
        "InvalidPartOrder",
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
        { UploadId: upload.id },
      );
    }
    const part = byNumber.get(number);
    const wrongSum = Object.entries(sums).some(
      ([algorithm, sum]) => part?.checksum?.algorithm !== algorithm || part.checksum.value !== sum,
    );
    if (part === undefined || part.etag !== etag || wrongSum) {
      throw new ObjectsError(
        "InvalidPart",
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
        { UploadId: upload.id, PartNumber: number, ETag: etag },
      );
    }
    chosen.push(part);
  }
  for (const part of chosen.slice(0, -1)) {
    if (part.size < smallestPart) {
      throw new ObjectsError("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", {
        ProposedSize: part.size,
        MinSizeAllowed: smallestPart,
        PartNumber: part.number,
        ETag: part.etag,
      });
    }
  }
  return chosen;
}

function wholeChecksum(
  upload: UploadRecord,
  parts: readonly PartRecord[],
  { sums, type: said }: Completion,
): Checksum | undefined {
  const algorithm = upload.algorithm ?? "CRC64NVME";
  const type = upload.checksumType ?? usualType(algorithm);
  if (said !== undefined && said !== type) {
    throw new ObjectsError(
      "InvalidRequest",
      `The upload was created using the ${type} checksum mode. The complete request must use the same checksum mode.`,
    );
  }
  if (parts.some((part) => part.checksum?.algorithm !== algorithm)) return undefined;
  const summed = parts.map(({ checksum, size }) => ({ value: checksum!.value, size }));
  const value = ofParts(algorithm, type, summed);
  const wanted = sums[algorithm];
  const plain = value.split("-")[0]!;
  if (wanted !== undefined && ((wanted !== value && wanted !== plain) || !isSum(algorithm, wanted.split("-")[0]!))) {
    throw new ObjectsError("BadDigest", `The ${algorithm} you specified did not match the calculated checksum.`);
  }
  return { algorithm, value, type };
}

function checkSize(size: number, said: number | undefined): void {
  if (said === undefined || said === size) return;
  throw new ObjectsError(
    "InvalidRequest",
    `The provided 'x-amz-mp-object-size' header value ${said} does not match what was computed: ${size}`,
  );
}

/** The MD5 of the parts' MD5s, and their number. */
function etagOf(parts: readonly PartRecord[]): string {
  const hash = createHash("md5");
  for (const { etag } of parts) hash.update(Buffer.from(etag, "hex"));
  return `${hash.digest("hex")}-${parts.length}`;
}
