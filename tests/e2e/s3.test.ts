import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketEncryptionCommand,
  GetBucketLocationCommand,
  GetBucketVersioningCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  ListPartsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { type Server, startServer } from "./server.ts";

/** Objects, through the official client for JavaScript. */
let server: Server;
let s3: S3Client;
let count = 0;

before(async () => {
  server = await startServer();
  s3 = new S3Client({
    endpoint: server.endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
});
after(async () => {
  s3.destroy();
  await server[Symbol.asyncDispose]();
});

async function newBucket(): Promise<string> {
  count += 1;
  const Bucket = `bucket-${count}`;
  await s3.send(new CreateBucketCommand({ Bucket }));
  return Bucket;
}

const put = (Bucket: string, Key: string, Body: string | Buffer = "content") =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body }));

async function textOf(Bucket: string, Key: string): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
  return Body!.transformToString();
}

const refusal = (name: string, status: number) => (error: { name: string; $metadata: { httpStatusCode?: number } }) => {
  assert.equal(error.name, name);
  assert.equal(error.$metadata.httpStatusCode, status);
  return true;
};

test("a bucket is made, found, listed and deleted", async () => {
  const Bucket = await newBucket();
  assert.equal((await s3.send(new HeadBucketCommand({ Bucket }))).BucketRegion, "us-east-1");
  assert.equal((await s3.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint, undefined);
  const { Buckets } = await s3.send(new ListBucketsCommand({}));
  assert.ok(Buckets?.some(({ Name, CreationDate }) => Name === Bucket && CreationDate instanceof Date));
  const { ServerSideEncryptionConfiguration } = await s3.send(new GetBucketEncryptionCommand({ Bucket }));
  assert.equal(
    ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm,
    "AES256",
  );
  await s3.send(new DeleteBucketCommand({ Bucket }));
  await assert.rejects(s3.send(new HeadBucketCommand({ Bucket })), refusal("NotFound", 404));
  await assert.rejects(put(Bucket, "key"), refusal("NoSuchBucket", 404));
});

test("names of buckets are checked, and are one space for all accounts", async () => {
  for (const Bucket of ["Ab", "ab..cd", "1.2.3.4", "under_score", "xn--abc"]) {
    await assert.rejects(s3.send(new CreateBucketCommand({ Bucket })), refusal("InvalidBucketName", 400), Bucket);
  }
  const Bucket = await newBucket();
  const other = new S3Client({
    endpoint: server.endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: "111111111111", secretAccessKey: "test" },
  });
  await assert.rejects(other.send(new CreateBucketCommand({ Bucket })), refusal("BucketAlreadyExists", 409));
  await assert.rejects(other.send(new GetObjectCommand({ Bucket, Key: "k" })), refusal("AccessDenied", 403));
  other.destroy();
});

test("an object comes back with all that was said about it", async () => {
  const Bucket = await newBucket();
  const Body = randomBytes(200_000);
  const made = await s3.send(
    new PutObjectCommand({
      Bucket,
      Key: "a/b c+ü&<>.txt",
      Body,
      ContentType: "text/plain",
      Metadata: { one: "1" },
      CacheControl: "no-cache",
      Tagging: "x=y",
    }),
  );
  assert.equal(made.ETag, `"${createHash("md5").update(Body).digest("hex")}"`);
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "a/b c+ü&<>.txt", ChecksumMode: "ENABLED" }));
  assert.deepEqual(
    [head.ContentLength, head.ContentType, head.Metadata, head.CacheControl, head.ServerSideEncryption],
    [200_000, "text/plain", { one: "1" }, "no-cache", "AES256"],
  );
  assert.equal(head.ChecksumCRC32, made.ChecksumCRC32);
  const got = await s3.send(new GetObjectCommand({ Bucket, Key: "a/b c+ü&<>.txt" }));
  assert.deepEqual(Buffer.from(await got.Body!.transformToByteArray()), Body);
  const part = await s3.send(new GetObjectCommand({ Bucket, Key: "a/b c+ü&<>.txt", Range: "bytes=10-19" }));
  assert.equal(part.ContentRange, "bytes 10-19/200000");
  assert.deepEqual(Buffer.from(await part.Body!.transformToByteArray()), Body.subarray(10, 20));
  const beyond = new GetObjectCommand({ Bucket, Key: "a/b c+ü&<>.txt", Range: "bytes=200000-" });
  await assert.rejects(s3.send(beyond), refusal("InvalidRange", 416));
  const tags = await s3.send(new GetObjectTaggingCommand({ Bucket, Key: "a/b c+ü&<>.txt" }));
  assert.deepEqual(tags.TagSet, [{ Key: "x", Value: "y" }]);
});

test("what is not there is said to be missing", async () => {
  const Bucket = await newBucket();
  await assert.rejects(s3.send(new GetObjectCommand({ Bucket, Key: "none" })), refusal("NoSuchKey", 404));
  await assert.rejects(s3.send(new HeadObjectCommand({ Bucket, Key: "none" })), refusal("NotFound", 404));
  const nowhere = new GetObjectCommand({ Bucket: "no-such-bucket", Key: "none" });
  await assert.rejects(s3.send(nowhere), refusal("NoSuchBucket", 404));
  assert.equal((await s3.send(new DeleteObjectCommand({ Bucket, Key: "none" }))).$metadata.httpStatusCode, 204);
});

for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] as const) {
  test(`${ChecksumAlgorithm} of an upload is checked`, async (t) => {
    const Bucket = await newBucket();
    // The client for JavaScript has CRC64NVME in a package of its own: its value here is of "123456789".
    if (ChecksumAlgorithm === "CRC64NVME") {
      const ChecksumCRC64NVME = "rosUhgp5mIg=";
      const right = new PutObjectCommand({ Bucket, Key: "k", Body: "123456789", ChecksumCRC64NVME });
      assert.equal((await s3.send(right)).ChecksumCRC64NVME, ChecksumCRC64NVME);
      const wrong = new PutObjectCommand({ Bucket, Key: "w", Body: "12345678", ChecksumCRC64NVME });
      await assert.rejects(s3.send(wrong), refusal("BadDigest", 400));
      return;
    }
    t.diagnostic(ChecksumAlgorithm);
    const made = await s3.send(new PutObjectCommand({ Bucket, Key: "k", Body: "123456789", ChecksumAlgorithm }));
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: "k", ChecksumMode: "ENABLED" }));
    assert.equal(await got.Body!.transformToString(), "123456789");
    const field = `Checksum${ChecksumAlgorithm}` as const;
    assert.equal(got[field], made[field]);
    const wrong = new PutObjectCommand({ Bucket, Key: "w", Body: "12345678", [field]: made[field] });
    await assert.rejects(s3.send(wrong), refusal("BadDigest", 400));
    await assert.rejects(s3.send(new HeadObjectCommand({ Bucket, Key: "w" })), refusal("NotFound", 404));
  });
}

test("conditions decide what is read and written", async () => {
  const Bucket = await newBucket();
  const { ETag } = await put(Bucket, "k");
  const never = new PutObjectCommand({ Bucket, Key: "k", Body: "other", IfNoneMatch: "*" });
  await assert.rejects(s3.send(never), refusal("PreconditionFailed", 412));
  const other = new PutObjectCommand({ Bucket, Key: "k", Body: "other", IfMatch: '"0123"' });
  await assert.rejects(s3.send(other), refusal("PreconditionFailed", 412));
  assert.equal(await textOf(Bucket, "k"), "content");
  await s3.send(new PutObjectCommand({ Bucket, Key: "k", Body: "other", IfMatch: ETag }));
  const unchanged = new GetObjectCommand({ Bucket, Key: "k", IfMatch: ETag });
  await assert.rejects(s3.send(unchanged), refusal("PreconditionFailed", 412));
});

test("keys are listed by their bytes, folded at a delimiter, page by page", async () => {
  const Bucket = await newBucket();
  const keys = ["a", "a/1", "a/2", "b/1/x", "b/1/y", "b/2", "c", "\u{1f600}", "\uffee", "ä"];
  for (const Key of keys) await put(Bucket, Key);
  const sorted = keys.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
  const all = await s3.send(new ListObjectsV2Command({ Bucket }));
  assert.deepEqual(
    all.Contents?.map(({ Key }) => Key),
    sorted,
  );
  const seen: string[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket, Delimiter: "/", MaxKeys: 2, ContinuationToken }));
    assert.ok(page.KeyCount! <= 2);
    const folded = page.CommonPrefixes?.map(({ Prefix }) => Prefix!) ?? [];
    seen.push(...(page.Contents?.map(({ Key }) => Key!) ?? []), ...folded);
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
  assert.deepEqual(seen.toSorted(), ["a", "a/", "b/", "c", "\u{1f600}", "\uffee", "ä"].toSorted());
  const inside = await s3.send(new ListObjectsCommand({ Bucket, Prefix: "b/", Delimiter: "/" }));
  assert.deepEqual(inside.CommonPrefixes, [{ Prefix: "b/1/" }]);
  assert.deepEqual(
    inside.Contents?.map(({ Key }) => Key),
    ["b/2"],
  );
  const after = await s3.send(new ListObjectsV2Command({ Bucket, StartAfter: "b/2", MaxKeys: 1 }));
  assert.equal(after.Contents?.[0]?.Key, "c");
});

test("versions are kept, hidden by delete markers, and brought back", async () => {
  const Bucket = await newBucket();
  await put(Bucket, "k", "zero");
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Enabled" } }));
  assert.equal((await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status, "Enabled");
  const one = await put(Bucket, "k", "one");
  const gone = await s3.send(new DeleteObjectCommand({ Bucket, Key: "k" }));
  assert.equal(gone.DeleteMarker, true);
  await assert.rejects(s3.send(new GetObjectCommand({ Bucket, Key: "k" })), refusal("NoSuchKey", 404));
  const asked = new GetObjectCommand({ Bucket, Key: "k", VersionId: gone.VersionId });
  await assert.rejects(s3.send(asked), refusal("MethodNotAllowed", 405));
  const { Versions, DeleteMarkers } = await s3.send(new ListObjectVersionsCommand({ Bucket }));
  assert.deepEqual(
    Versions?.map(({ VersionId, IsLatest }) => [VersionId, IsLatest]),
    [
      [one.VersionId, false],
      ["null", false],
    ],
  );
  assert.equal(DeleteMarkers?.[0]?.IsLatest, true);
  await s3.send(new DeleteObjectCommand({ Bucket, Key: "k", VersionId: gone.VersionId }));
  assert.equal(await textOf(Bucket, "k"), "one");
  await s3.send(new DeleteObjectCommand({ Bucket, Key: "k", VersionId: one.VersionId }));
  assert.equal(await textOf(Bucket, "k"), "zero");
  await assert.rejects(s3.send(new DeleteBucketCommand({ Bucket })), refusal("BucketNotEmpty", 409));
});

test("many objects are deleted at once", async () => {
  const Bucket = await newBucket();
  for (const Key of [" a ", "b&<", "c"]) await put(Bucket, Key);
  const Objects = [" a ", "b&<", "none"].map((Key) => ({ Key }));
  const { Deleted, Errors } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  assert.deepEqual(
    Deleted?.map(({ Key }) => Key),
    [" a ", "b&<", "none"],
  );
  assert.equal(Errors, undefined);
  const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket }));
  assert.deepEqual(
    Contents?.map(({ Key }) => Key),
    ["c"],
  );
});

test("an object is copied, with its metadata or others", async () => {
  const Bucket = await newBucket();
  await s3.send(new PutObjectCommand({ Bucket, Key: "from", Body: "content", Metadata: { of: "from" } }));
  const CopySource = `${Bucket}/from`;
  await s3.send(new CopyObjectCommand({ Bucket, Key: "to", CopySource }));
  await put(Bucket, "from", "changed");
  assert.equal(await textOf(Bucket, "to"), "content");
  assert.deepEqual((await s3.send(new HeadObjectCommand({ Bucket, Key: "to" }))).Metadata, { of: "from" });
  const itself = new CopyObjectCommand({ Bucket, Key: "to", CopySource: `${Bucket}/to` });
  await assert.rejects(s3.send(itself), refusal("InvalidRequest", 400));
  const missing = new CopyObjectCommand({ Bucket, Key: "to", CopySource: `${Bucket}/none` });
  await assert.rejects(s3.send(missing), refusal("NoSuchKey", 404));
});

test("tags of an object are replaced", async () => {
  const Bucket = await newBucket();
  await put(Bucket, "k");
  const TagSet = [{ Key: "a", Value: "b" }];
  await s3.send(new PutObjectTaggingCommand({ Bucket, Key: "k", Tagging: { TagSet } }));
  assert.deepEqual((await s3.send(new GetObjectTaggingCommand({ Bucket, Key: "k" }))).TagSet, TagSet);
});

const fiveMegabytes = randomBytes(5 * 1024 * 1024);

test("an upload in parts becomes one object", async () => {
  const Bucket = await newBucket();
  const Key = "parts";
  const ChecksumAlgorithm = "SHA256";
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm }));
  const { Uploads } = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
  assert.equal(Uploads?.[0]?.UploadId, UploadId);
  const Parts = [];
  for (const [index, Body] of [fiveMegabytes, Buffer.from("the end")].entries()) {
    const PartNumber = index * 3 + 1;
    const part = { Bucket, Key, UploadId, PartNumber, Body, ChecksumAlgorithm } as const;
    const { ETag, ChecksumSHA256 } = await s3.send(new UploadPartCommand(part));
    Parts.push({ ETag, PartNumber, ChecksumSHA256 });
  }
  const listed = await s3.send(new ListPartsCommand({ Bucket, Key, UploadId }));
  assert.deepEqual(
    listed.Parts?.map(({ PartNumber, Size }) => [PartNumber, Size]),
    [
      [1, fiveMegabytes.length],
      [4, 7],
    ],
  );
  const wrong = { Parts: [{ ETag: '"00"', PartNumber: 1 }] };
  await assert.rejects(
    s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: wrong })),
    refusal("InvalidPart", 400),
  );
  const complete = { Bucket, Key, UploadId, MultipartUpload: { Parts } };
  const made = await s3.send(new CompleteMultipartUploadCommand(complete));
  assert.match(made.ETag ?? "", /^"[0-9a-f]{32}-2"$/);
  assert.match(made.ChecksumSHA256 ?? "", /-2$/);
  const whole = await s3.send(new GetObjectCommand({ Bucket, Key }));
  const bytes = Buffer.from(await whole.Body!.transformToByteArray());
  assert.deepEqual(bytes, Buffer.concat([fiveMegabytes, Buffer.from("the end")]));
  const second = await s3.send(new GetObjectCommand({ Bucket, Key, PartNumber: 2 }));
  assert.equal(second.PartsCount, 2);
  assert.equal(await second.Body!.transformToString(), "the end");
  const attributes = await s3.send(
    new GetObjectAttributesCommand({ Bucket, Key, ObjectAttributes: ["ObjectParts", "ObjectSize", "Checksum"] }),
  );
  assert.equal(attributes.ObjectParts?.TotalPartsCount, 2);
  assert.equal(attributes.ObjectSize, bytes.length);
  await assert.rejects(s3.send(new ListPartsCommand({ Bucket, Key, UploadId })), refusal("NoSuchUpload", 404));
});

test("a checksum of the whole is made of those of its parts", async () => {
  const Bucket = await newBucket();
  const Key = "full";
  const start = { Bucket, Key, ChecksumAlgorithm: "CRC32", ChecksumType: "FULL_OBJECT" } as const;
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(start));
  const Parts = [];
  for (const [index, Body] of [fiveMegabytes, fiveMegabytes, Buffer.from("the end")].entries()) {
    const part = { Bucket, Key, UploadId, PartNumber: index + 1, Body } as const;
    const { ETag, ChecksumCRC32 } = await s3.send(new UploadPartCommand(part));
    Parts.push({ ETag, PartNumber: index + 1, ChecksumCRC32 });
  }
  const complete = { Bucket, Key, UploadId, MultipartUpload: { Parts }, ChecksumType: "FULL_OBJECT" } as const;
  const { ChecksumCRC32 } = await s3.send(new CompleteMultipartUploadCommand(complete));
  const plain = Buffer.concat([fiveMegabytes, fiveMegabytes, Buffer.from("the end")]);
  const one = await s3.send(new PutObjectCommand({ Bucket, Key: "plain", Body: plain, ChecksumAlgorithm: "CRC32" }));
  assert.equal(ChecksumCRC32, one.ChecksumCRC32);
});

test("parts that are too small, and uploads that were aborted, are refused", async () => {
  const Bucket = await newBucket();
  const Key = "k";
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const Parts = [];
  for (const PartNumber of [1, 2]) {
    const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body: "small" }));
    Parts.push({ ETag, PartNumber });
  }
  const small = new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } });
  await assert.rejects(s3.send(small), refusal("EntityTooSmall", 400));
  const MultipartUpload = { Parts: Parts.toReversed() };
  const order = new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload });
  await assert.rejects(s3.send(order), refusal("InvalidPartOrder", 400));
  await put(Bucket, "source", fiveMegabytes);
  const CopySource = `${Bucket}/source`;
  const copy = { Bucket, Key, UploadId, PartNumber: 1, CopySource, CopySourceRange: "bytes=0-99" };
  assert.ok((await s3.send(new UploadPartCopyCommand(copy))).CopyPartResult?.ETag);
  await s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
  const gone = new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: "late" });
  await assert.rejects(s3.send(gone), refusal("NoSuchUpload", 404));
});

test("a stream is uploaded in parts by the library for it", async () => {
  const Bucket = await newBucket();
  const Body = Buffer.concat([fiveMegabytes, fiveMegabytes, fiveMegabytes]);
  await new Upload({ client: s3, params: { Bucket, Key: "k", Body }, partSize: 6 * 1024 * 1024 }).done();
  const got = await s3.send(new GetObjectCommand({ Bucket, Key: "k" }));
  assert.deepEqual(Buffer.from(await got.Body!.transformToByteArray()), Body);
});

test("presigned URLs put and get until they expire", async () => {
  const Bucket = await newBucket();
  const url = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: "k" }), { expiresIn: 60 });
  assert.equal((await fetch(url, { method: "PUT", body: "by url" })).status, 200);
  const command = new GetObjectCommand({ Bucket, Key: "k", ResponseContentType: "text/x-own" });
  const got = await fetch(await getSignedUrl(s3, command, { expiresIn: 60 }));
  assert.equal(got.headers.get("content-type"), "text/x-own");
  assert.equal(await got.text(), "by url");
  const signingDate = new Date(Date.now() - 120_000);
  const late = await fetch(await getSignedUrl(s3, command, { expiresIn: 60, signingDate }));
  assert.equal(late.status, 403);
  assert.match(await late.text(), /<Code>AccessDenied<\/Code><Message>Request has expired<\/Message>/);
});

test("objects and uploads survive a killed process", async () => {
  const first = await startServer();
  const client = (endpoint: string) =>
    new S3Client({
      endpoint,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
  const one = client(first.endpoint);
  await one.send(new CreateBucketCommand({ Bucket: "kept" }));
  await one.send(new PutObjectCommand({ Bucket: "kept", Key: "k", Body: fiveMegabytes }));
  await first.kill();
  one.destroy();
  await using second = await startServer({ dataDir: first.dataDir });
  const two = client(second.endpoint);
  const got = await two.send(new GetObjectCommand({ Bucket: "kept", Key: "k" }));
  assert.deepEqual(Buffer.from(await got.Body!.transformToByteArray()), fiveMegabytes);
  two.destroy();
});
