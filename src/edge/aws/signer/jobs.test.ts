import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ZipFile } from "yazl";
import { createRegistry } from "../../../registry/index.ts";
import type { JobRecord, ProfileRecord } from "../../signing/records.ts";
import { inspectArchive, signingKinds } from "../../signing/signatures.ts";
import type { SignerContext } from "./context.ts";
import { describeSigningJob, startSigningJob } from "./jobs.ts";
import { putSigningProfile } from "./profiles.ts";

/** Signing jobs over objects in memory: the way from one bucket to another. */
const folder = mkdtempSync(join(tmpdir(), "thaw-signer-"));
const registry = createRegistry({ path: join(folder, "registry.sqlite") });
after(() => {
  registry.close();
  rmSync(folder, { recursive: true });
});

const scope = { account: "111111111111", region: "us-east-1" };
const objects = new Map<string, Uint8Array>();
const context: SignerContext = {
  profiles: registry.named<ProfileRecord>(signingKinds.profile),
  jobs: registry.named<JobRecord>(signingKinds.job),
  objects: {
    async read(_scope, bucket, key, version) {
      const found = objects.get(`${bucket}/${key}?${version}`);
      if (found === undefined) throw new Error("The specified key does not exist.");
      return found;
    },
    async write(_scope, bucket, key, bytes) {
      objects.set(`${bucket}/${key}`, bytes);
    },
  },
  clock: Date.now,
};

async function zipOf(text: string): Promise<Buffer> {
  const zip = new ZipFile();
  zip.addBuffer(Buffer.from(text), "index.js");
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const start = async (key: string) => {
  const input = {
    profileName: "team",
    source: { s3: { bucketName: "in", key, version: "1" } },
    destination: { s3: { bucketName: "out", prefix: "signed/" } },
    clientRequestToken: "t",
  };
  const { jobId } = await startSigningJob(context, { input, scope });
  return describeSigningJob(context, { input: { jobId }, scope });
};

test("a job signs an object into another bucket, under the job's id", async () => {
  const input = { profileName: "team", platformId: "AWSLambda-SHA384-ECDSA" } as const;
  const { profileVersionArn } = await putSigningProfile(context, { input, scope });
  objects.set("in/code.zip?1", await zipOf("exports.handler = 1;"));
  const job = await start("code.zip");
  assert.equal(job.status, "Succeeded");
  assert.deepEqual(job.source, { s3: { bucketName: "in", key: "code.zip", version: "1" } });
  assert.deepEqual(job.signedObject, { s3: { bucketName: "out", key: `signed/${job.jobId}.zip` } });
  const found = await inspectArchive(registry, objects.get(`out/signed/${job.jobId}.zip`)!, Date.now());
  const jobArn = `arn:aws:signer:us-east-1:111111111111:/signing-jobs/${job.jobId}`;
  assert.deepEqual(found, { kind: "signed", signing: { profileVersionArn, jobArn }, flaw: undefined });
});

test("what cannot be signed fails the job, with a reason", async () => {
  objects.set("in/text?1", Buffer.from("no zip"));
  const missing = await start("missing");
  assert.deepEqual([missing.status, missing.statusReason], ["Failed", "The specified key does not exist."]);
  const text = await start("text");
  assert.deepEqual([text.status, text.statusReason], ["Failed", "The object is not a valid zip file."]);
  assert.equal(text.signedObject, undefined);
  objects.set("in/twice?1", objects.get([...objects.keys()].find((key) => key.startsWith("out/"))!)!);
  assert.equal((await start("twice")).statusReason, "The zip file already has a signature.");
});
