import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { type Server, startServer } from "./server.ts";

/** Browsers' forms where signatures and permissions are checked. Source: S3 API Reference, "POST Object". */
let server: Server;
let client: S3Client;
let key: { AccessKeyId: string; SecretAccessKey: string };
const Bucket = "forms";

before(async () => {
  server = await startServer({ args: ["--auth", "iam"] });
  key = JSON.parse(readFileSync(join(server.dataDir, "operator.json"), "utf8")) as typeof key;
  client = new S3Client({
    endpoint: server.endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: key.AccessKeyId, secretAccessKey: key.SecretAccessKey },
  });
  await client.send(new CreateBucketCommand({ Bucket }));
});
after(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
});

const mac = (secret: string | Buffer, text: string) => createHmac("sha256", secret).update(text).digest();

/** The fields of a form whose policy is signed as the user guide has it. */
function signed(conditions: readonly unknown[], expires = Date.now() + 60_000, secret = key.SecretAccessKey) {
  const date = `${new Date().toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
  const credential = `${key.AccessKeyId}/${date.slice(0, 8)}/us-east-1/s3/aws4_request`;
  const always = { "x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": credential, "x-amz-date": date };
  const document = {
    expiration: new Date(expires).toISOString(),
    conditions: [...conditions, always, { bucket: Bucket }],
  };
  const policy = Buffer.from(JSON.stringify(document)).toString("base64");
  const steps = [date.slice(0, 8), "us-east-1", "s3", "aws4_request"];
  const signature = mac(steps.reduce<string | Buffer>(mac, `AWS4${secret}`), policy).toString("hex");
  return { ...always, policy, "x-amz-signature": signature };
}

async function send(fields: Readonly<Record<string, string>>, body = "content") {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", new Blob([body], { type: "text/plain" }), "name.txt");
  form.append("submit", "after the file nothing counts");
  return answerOf(await fetch(`${server.endpoint}/${Bucket}`, { method: "POST", body: form, redirect: "manual" }));
}

async function answerOf(response: Response) {
  const text = await response.text();
  return { status: response.status, code: /<Code>(.*)<\/Code>/.exec(text)?.[1], headers: response.headers, text };
}

const keys = async () =>
  ((await client.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key);

test("a signed form makes an object with all that its fields say, and leads back to its page", async () => {
  const conditions = [
    ["starts-with", "$key", "up/"],
    ["starts-with", "$Content-Type", "image/"],
    { "x-amz-meta-note": "n" },
    { tagging: "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>" },
    { success_action_redirect: "http://page.example/done?x=1" },
  ];
  const answer = await send({
    ...signed(conditions),
    key: ["up/$", "{filename}"].join(""),
    "Content-Type": "image/png",
    "x-amz-meta-note": "n",
    tagging: "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>",
    success_action_redirect: "http://page.example/done?x=1",
  });
  assert.equal(answer.status, 303, answer.text);
  assert.match(
    answer.headers.get("location")!,
    /^http:\/\/page.example\/done\?x=1&bucket=forms&key=up%2Fname.txt&etag=/,
  );
  const made = await client.send(new GetObjectCommand({ Bucket, Key: "up/name.txt" }));
  assert.equal(await made.Body!.transformToString(), "content");
  assert.deepEqual([made.ContentType, made.Metadata, made.TagCount], ["image/png", { note: "n" }, 1]);
});

test("what a form's policy does not allow, or nobody signed, is refused and makes nothing", async () => {
  const before = await keys();
  const fixed = [{ key: "k" }];
  const refused = [
    [await send({ ...signed(fixed), key: "other" }), "AccessDenied"],
    [await send({ ...signed(fixed), key: "k", "x-amz-meta-more": "1" }), "AccessDenied"],
    [await send({ ...signed(fixed, Date.now() - 1000), key: "k" }), "AccessDenied"],
    [await send({ ...signed(fixed, undefined, "not the key's secret"), key: "k" }), "SignatureDoesNotMatch"],
    [await send({ ...signed(fixed), key: "k", policy: signed([{ key: "l" }]).policy }), "SignatureDoesNotMatch"],
    [await send({ ...signed([...fixed, ["content-length-range", 0, 3]]), key: "k" }), "EntityTooLarge"],
    [await send({ ...signed([...fixed, ["content-length-range", 9, 99]]), key: "k" }), "EntityTooSmall"],
    [await send({ ...signed([...fixed, "nonsense"]), key: "k" }), "InvalidPolicyDocument"],
    [await send({ ...signed([]) }), "InvalidArgument"],
    [await send({ key: "k" }), "AccessDenied"],
    [await send({ key: "k", AWSAccessKeyId: key.AccessKeyId, signature: "AAAA", policy: "" }), "InvalidRequest"],
    [
      await send({ ...signed([...fixed, { acl: "public-read" }]), key: "k", acl: "public-read" }),
      "AccessControlListNotSupported",
    ],
    [
      await send({ ...signed([...fixed, { "x-amz-meta-a": "b\r\nc: d" }]), key: "k", "x-amz-meta-a": "b\r\nc: d" }),
      "InvalidArgument",
    ],
  ] as const;
  for (const [{ status, code, text }, wanted] of refused) {
    assert.equal(code, wanted, text);
    assert.ok(status >= 400 && status < 500);
  }
  assert.deepEqual(await keys(), before);
});

test("what is no form, or breaks off anywhere, is refused and makes nothing", async () => {
  const before = await keys();
  const type = "multipart/form-data; boundary=B";
  const post = async (body: string, contentType = type) =>
    answerOf(
      await fetch(`${server.endpoint}/${Bucket}`, { method: "POST", body, headers: { "content-type": contentType } }),
    );
  const part = (name: string, value: string) =>
    `--B\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const fields = Object.entries({ ...signed([{ key: "k" }]), key: "k" }).map(([name, value]) => part(name, value));
  const whole = `${fields.join("")}${part("file", "x")}--B--\r\n`;
  const refused = [
    ...[0, 1, 5, 40, 200, whole.length - 10].map((length) => whole.slice(0, length)),
    `${fields.join("")}--B--\r\n`,
    `--B\r\n\r\n\r\nx\r\n--B--`,
    `--B\r\nContent-Disposition: attachment; name="key"\r\n\r\nk\r\n--B--`,
    part("key", "x".repeat(30_000)) + whole,
    `--B\r\n${"x".repeat(10_000)}`,
  ];
  for (const body of refused) {
    const { status, code } = await post(body);
    assert.ok(status >= 400 && status < 500, `${status} for ${body.slice(0, 60)}`);
    assert.ok(code !== undefined);
  }
  assert.equal((await post(whole, "multipart/form-data")).code, "MalformedPOSTRequest");
  assert.deepEqual(await keys(), before);
  assert.equal((await post(whole)).status, 204);
});

test("a form of nobody's is let in by the bucket's policy alone", async () => {
  const statement = {
    Effect: "Allow",
    Principal: "*",
    Action: "s3:PutObject",
    Resource: `arn:aws:s3:::${Bucket}/open/*`,
  };
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  await client.send(new PutBucketPolicyCommand({ Bucket, Policy }));
  assert.equal((await send({ key: "open/a", success_action_status: "200" })).status, 200);
  assert.equal((await send({ key: "closed/a" })).code, "AccessDenied");
});
