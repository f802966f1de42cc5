import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { type Server, startServer } from "./server.ts";

let server: Server;
let key: { AccessKeyId: string; SecretAccessKey: string };
const Bucket = "signed-uploads";

before(async () => {
  server = await startServer({ args: ["--auth", "known-keys"] });
  key = JSON.parse(readFileSync(join(server.dataDir, "operator.json"), "utf8")) as typeof key;
  await client().send(new CreateBucketCommand({ Bucket }));
});
after(() => server[Symbol.asyncDispose]());

const client = (secretAccessKey = key.SecretAccessKey) =>
  new S3Client({
    endpoint: server.endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: key.AccessKeyId, secretAccessKey },
  });

const sha256 = (data: string | Buffer) => createHash("sha256").update(data).digest("hex");
const mac = (secret: string | Buffer, text: string) => createHmac("sha256", secret).update(text).digest();

/** PutObject in signed chunks, as S3's documentation has it; `change`: what happens to the chunk with `b`s on its way. */
function putChunks(change: (bytes: Buffer) => Buffer): Promise<{ status: number; text: string }> {
  const date = `${new Date().toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
  const scope = `${date.slice(0, 8)}/us-east-1/s3/aws4_request`;
  const secret = scope.split("/").reduce<string | Buffer>((one, part) => mac(one, part), `AWS4${key.SecretAccessKey}`);
  const chunks = [Buffer.alloc(65_536, "a"), Buffer.alloc(1024, "b"), Buffer.alloc(0)];
  const headers: Record<string, string> = {
    "content-encoding": "aws-chunked",
    host: new URL(server.endpoint).host,
    "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "x-amz-date": date,
    "x-amz-decoded-content-length": "66560",
  };
  const path = `/${Bucket}/chunked`;
  const names = Object.keys(headers).sort();
  const lines = names.map((name) => `${name}:${headers[name]}\n`).join("");
  const canonical = ["PUT", path, "", lines, names.join(";"), headers["x-amz-content-sha256"]].join("\n");
  const sign = (text: string) => mac(secret, text).toString("hex");
  const seed = sign(["AWS4-HMAC-SHA256", date, scope, sha256(canonical)].join("\n"));
  let previous = seed;
  const body = chunks.flatMap((chunk) => {
    previous = sign(["AWS4-HMAC-SHA256-PAYLOAD", date, scope, previous, sha256(""), sha256(chunk)].join("\n"));
    const sent = chunk[0] === 98 ? change(chunk) : chunk;
    return [Buffer.from(`${chunk.length.toString(16)};chunk-signature=${previous}\r\n`), sent, Buffer.from("\r\n")];
  });
  const credential = `Credential=${key.AccessKeyId}/${scope}`;
  const authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names.join(";")}, Signature=${seed}`;
  const content = Buffer.concat(body);
  return new Promise((resolve, reject) => {
    const all = { ...headers, authorization, "content-length": content.length };
    const put = request(`${server.endpoint}${path}`, { method: "PUT", headers: all }, (response) => {
      let text = "";
      response.on("data", (data) => {
        text += data;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    put.on("error", reject);
    put.end(content);
  });
}

test("an upload in signed chunks is taken, and one whose chunk was changed on its way is not", async () => {
  const changed = await putChunks((bytes) => Buffer.concat([bytes.subarray(1), Buffer.from("x")]));
  assert.equal(changed.status, 403);
  assert.match(changed.text, /<Code>SignatureDoesNotMatch<\/Code>/);
  await assert.rejects(client().send(new GetObjectCommand({ Bucket, Key: "chunked" })), { name: "NoSuchKey" });
  const { status } = await putChunks((bytes) => bytes);
  assert.equal(status, 200);
  const { Body } = await client().send(new GetObjectCommand({ Bucket, Key: "chunked" }));
  assert.equal((await Body!.transformToByteArray()).length, 66_560);
});

test("the SDK's uploads are taken, whatever their key is; with a wrong secret S3 refuses in its words", async () => {
  const Key = "a b/ü+(x)!'&=.txt";
  await client().send(new PutObjectCommand({ Bucket, Key, Body: "hello" }));
  const { Body } = await client().send(new GetObjectCommand({ Bucket, Key }));
  assert.equal(await Body!.transformToString(), "hello");
  await assert.rejects(client("wrong").send(new GetObjectCommand({ Bucket, Key })), { name: "SignatureDoesNotMatch" });
});
