import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { fromBuffer } from "yauzl";
import { ZipFile } from "yazl";
import type { Named, NamedDocument } from "../../registry/index.ts";
import type { JobRecord, ProfileRecord, ProfileVersion } from "./records.ts";
import { ArchiveError, inspectArchive, signArchive } from "./signatures.ts";

const now = Date.parse("2026-11-22T04:00:00Z");
const account = "111111111111";
const region = "us-east-1";

const pair = generateKeyPairSync("ec", { namedCurve: "P-384" });
const version: ProfileVersion = {
  version: "abcdefghij",
  status: "Active",
  publicKey: pair.publicKey.export({ type: "spki", format: "pem" }).toString(),
  privateKey: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
};
const job: JobRecord = {
  account,
  region,
  name: `${region}/job-1`,
  id: "job-1",
  profile: "team",
  version: version.version,
  platformId: "AWSLambda-SHA384-ECDSA",
  status: "Succeeded",
  createdAt: now,
  completedAt: now,
  expiresAt: now + 1000,
};
const signing = {
  profileVersionArn: `arn:aws:signer:${region}:${account}:/signing-profiles/team/abcdefghij`,
  jobArn: `arn:aws:signer:${region}:${account}:/signing-jobs/job-1`,
};

/** The documents of the signer, as the registry would give them. */
function documents(kept: { versions?: readonly ProfileVersion[]; job?: JobRecord } = {}) {
  const profile: Partial<ProfileRecord> = { versions: kept.versions ?? [version] };
  const found: Readonly<Record<string, object | undefined>> = {
    [`signing-profile ${region}/team`]: profile,
    [`signing-job ${region}/job-1`]: kept.job ?? job,
  };
  return {
    named: <T extends NamedDocument>(kind: string) =>
      ({ get: (_account: string, name: string) => found[`${kind} ${name}`] }) as unknown as Named<T>,
  };
}

async function zipOf(text: string, comment = ""): Promise<Buffer> {
  const zip = new ZipFile();
  zip.addBuffer(Buffer.from(text), "index.js", { mtime: new Date(1980, 0, 1) });
  zip.end({ comment, forceZip64Format: false });
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

test("a signed archive says by whom, is still a zip, and was not touched otherwise", async () => {
  const zip = await zipOf("exports.handler = 1;");
  const signed = await signArchive(zip, version, job);
  assert.deepEqual(await inspectArchive(documents(), signed, now), { kind: "signed", signing, flaw: undefined });
  assert.equal(signed.subarray(0, zip.length - 2).compare(zip.subarray(0, zip.length - 2)), 0);
  const entries = await new Promise((resolve, reject) =>
    fromBuffer(signed, (error, file) => (error === null ? resolve(file.entryCount) : reject(error))),
  );
  assert.equal(entries, 1);
});

test("an archive without our mark is unsigned, whatever its comment", async () => {
  assert.deepEqual(await inspectArchive(documents(), await zipOf("x"), now), { kind: "unsigned" });
  assert.deepEqual(await inspectArchive(documents(), await zipOf("x", "made by a tool"), now), { kind: "unsigned" });
  assert.deepEqual(await inspectArchive(documents(), Buffer.from("no zip at all"), now), { kind: "unsigned" });
});

test("one changed bit anywhere makes it damaged, or no signed archive at all", async () => {
  const signed = await signArchive(await zipOf("exports.handler = 1;"), version, job);
  for (let at = 0; at < signed.length; at += 1) {
    const changed = Buffer.from(signed);
    changed[at] = changed[at]! ^ 1;
    const found = await inspectArchive(documents(), changed, now);
    assert.ok(found.kind !== "signed" || found.flaw === "unknown", `byte ${at} of ${signed.length}`);
  }
});

test("a signature of other code, or of another key, is damaged", async () => {
  const signed = await signArchive(await zipOf("good"), version, job);
  const token = signed.subarray(signed.lastIndexOf("thaw-signature:")).toString("latin1");
  const moved = await zipOf("evil", token);
  assert.deepEqual(await inspectArchive(documents(), moved, now), { kind: "damaged" });
  const other = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const forged = await signArchive(
    await zipOf("good"),
    { ...version, privateKey: other.privateKey.export({ type: "pkcs8", format: "pem" }).toString() },
    job,
  );
  assert.deepEqual(await inspectArchive(documents(), forged, now), { kind: "damaged" });
});

test("time, revocation and an unknown profile are flaws", async () => {
  const signed = await signArchive(await zipOf("x"), version, job);
  const flaw = async (kept: Parameters<typeof documents>[0], at = now) => {
    const found = await inspectArchive(documents(kept), signed, at);
    return found.kind === "signed" ? found.flaw : found.kind;
  };
  assert.equal(await flaw({}), undefined);
  assert.equal(await flaw({}, now + 1000), "expired");
  assert.equal(await flaw({ versions: [] }), "unknown");
  assert.equal(await flaw({ versions: [{ ...version, status: "Canceled" }] }), undefined);
  assert.equal(await flaw({ versions: [{ ...version, status: "Revoked", revokedFrom: now }] }), "revoked");
  // Signed before the key was lost.
  assert.equal(await flaw({ versions: [{ ...version, status: "Revoked", revokedFrom: now + 5000 }] }), undefined);
  assert.equal(await flaw({ job: { ...job, revocation: { reason: "lost", at: now, by: "x" } } }), "revoked");
});

test("what is no zip, or is signed already, is not signed", async () => {
  await assert.rejects(signArchive(Buffer.from("no zip"), version, job), ArchiveError);
  const signed = await signArchive(await zipOf("x"), version, job);
  await assert.rejects(signArchive(signed, version, job), ArchiveError);
});
