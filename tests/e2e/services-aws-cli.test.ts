import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { awsCliVersion, runClient } from "./clients.ts";
import { type Server, startServer } from "./server.ts";

/** The services around Lambda, as the aws command speaks to them. Skipped where there is none. */
let server: Server;
let missing: string | undefined;
const folder = mkdtempSync(join(tmpdir(), "thaw-aws-services-"));

before(async () => {
  const version = await awsCliVersion().catch((error: Error) => error);
  if (version instanceof Error) missing = `no aws command: ${version.message}`;
  else server = await startServer();
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const environment = () => ({
  ...server.env,
  AWS_PAGER: "",
  AWS_MAX_ATTEMPTS: "1",
  AWS_DEFAULT_OUTPUT: "json",
});

/** What `aws …` printed, which must succeed. */
async function aws(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runClient("aws", args, environment());
  assert.equal(code, 0, `aws ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

test("files go to S3 and back, in parts, by folders and by URL", async (t) => {
  if (missing !== undefined) return t.skip(missing);
  const large = Buffer.alloc(9 * 1024 * 1024, "large ");
  mkdirSync(join(folder, "up", "deep"), { recursive: true });
  writeFileSync(join(folder, "up", "large.bin"), large);
  writeFileSync(join(folder, "up", "deep", "small.txt"), "small");
  await aws("s3", "mb", "s3://by-aws-cli");
  await aws("s3", "sync", join(folder, "up"), "s3://by-aws-cli/tree");
  assert.match(
    await aws("s3", "ls", "--recursive", "s3://by-aws-cli"),
    /5 tree\/deep\/small.txt\n.*9437184 tree\/large.bin/,
  );
  await aws("s3", "cp", "s3://by-aws-cli/tree/large.bin", join(folder, "large.back"));
  assert.ok(readFileSync(join(folder, "large.back")).equals(large));
  const url = await aws("s3", "presign", "s3://by-aws-cli/tree/deep/small.txt");
  assert.equal(await (await fetch(url)).text(), "small");
  await aws("s3", "rb", "--force", "s3://by-aws-cli");
  assert.equal(await aws("s3", "ls"), "");
});

test("secrets and parameters are put and read", async (t) => {
  if (missing !== undefined) return t.skip(missing);
  await aws("secretsmanager", "create-secret", "--name", "cli", "--secret-string", "hidden");
  const query = ["--query", "SecretString", "--output", "text"];
  assert.equal(await aws("secretsmanager", "get-secret-value", "--secret-id", "cli", ...query), "hidden");
  await aws("ssm", "put-parameter", "--name", "/cli", "--type", "SecureString", "--value", "kept");
  const value = ["--with-decryption", "--query", "Parameter.Value", "--output", "text"];
  assert.equal(await aws("ssm", "get-parameter", "--name", "/cli", ...value), "kept");
});

test("groups of logs are written to and filtered", async (t) => {
  if (missing !== undefined) return t.skip(missing);
  await aws("logs", "create-log-group", "--log-group-name", "cli");
  await aws("logs", "create-log-stream", "--log-group-name", "cli", "--log-stream-name", "s");
  const events = ["an ERROR", "no error"].map((message) => ({ timestamp: Date.now(), message }));
  const stream = ["--log-group-name", "cli", "--log-stream-name", "s", "--log-events", JSON.stringify(events)];
  await aws("logs", "put-log-events", ...stream);
  const query = ["--query", "events[].message", "--output", "text"];
  assert.equal(
    await aws("logs", "filter-log-events", "--log-group-name", "cli", "--filter-pattern", "ERROR", ...query),
    "an ERROR",
  );
});
