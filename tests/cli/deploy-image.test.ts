import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { archiveOf, writeLayout } from "../../src/artifacts/container/testing.ts";
import { noBusybox, shellImage } from "../e2e/images.ts";
import { type Server, startServer } from "../e2e/server.ts";
import { temporaryFolder, thaw } from "./thaw.ts";

/** Images that lie on this machine become functions without Docker; whoever pushes must prove who they are. */
let server: Server;
let env: Readonly<Record<string, string>>;
const folder = temporaryFolder();
const run = (args: readonly string[]) => thaw(args, { env, cwd: folder });

async function json(args: readonly string[]): Promise<ReturnType<typeof JSON.parse>> {
  const { code, stdout, stderr } = await run([...args, "--json"]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

const skip = noBusybox ?? false;

before(async () => {
  if (skip !== false) return;
  server = await startServer({ args: ["--auth", "known-keys"] });
  const { AccessKeyId, SecretAccessKey } = JSON.parse(readFileSync(join(server.dataDir, "operator.json"), "utf8"));
  env = { ...server.env, AWS_ACCESS_KEY_ID: AccessKeyId, AWS_SECRET_ACCESS_KEY: SecretAccessKey };
  mkdirSync(join(folder, "shop"));
  const image = await shellImage({ greeting: "from a folder" });
  writeLayout(join(folder, "shop"), image, "v1");
  const saved = await shellImage({ greeting: "from a file" });
  writeFileSync(join(folder, "saved.tar"), await archiveOf(saved, "saved:latest"));
  writeFileSync(join(folder, "notes.tar"), "no image");
});

after(async () => {
  await server?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

test("an image in a folder is pushed and runs; the same again sends nothing", { skip }, async (t) => {
  const [made] = (await json(["deploy", "shop", "--image", "--env", "MORE=yes", "--timeout", "20"])).functions;
  assert.equal(made.action, "created");
  assert.match(made.code.imageUri, /\/shop@sha256:[0-9a-f]{64}$/);
  assert.ok(made.code.sentBytes > 0);
  const [again] = (await json(["deploy", "shop:v1", "--image"])).functions;
  assert.deepEqual([again.action, again.code.sentBytes], ["unchanged", 0]);
  if (server.driver !== "container") return t.skip("only containers have a root of their own");
  const { payload } = await json(["invoke", "shop", "--payload", '{"n":1}']);
  assert.deepEqual([payload.greeting, payload.event], ["from a folder", { n: 1 }]);
});

test("a file of docker save becomes the function's new image, and an address is taken as it is", { skip }, async () => {
  const [changed] = (await json(["deploy", "saved.tar", "--image", "--name", "shop"])).functions;
  assert.equal(changed.action, "updated");
  const [other] = (await json(["deploy", changed.code.imageUri, "--image", "--name", "other"])).functions;
  assert.equal(other.code.imageUri, changed.code.imageUri);
  assert.equal(other.code.sentBytes, 0);
  assert.equal((await json(["list"])).functions.length, 2);
});

test("what is no image, or belongs to something else, is refused with words", { skip }, async () => {
  const refused = async (args: readonly string[]) => (await run(["deploy", ...args, "--image"])).stderr;
  assert.match(await refused(["notes.tar"]), /no archive of an image|no image of that name/);
  assert.match(await refused(["./missing.tar"]), /no such file or folder/);
  assert.match(await refused(["shop:v2"]), /has no image called v2/);
  assert.match(await refused(["shop", "--handler", "a.b"]), /--handler belongs to folders and templates/);
  mkdirSync(join(folder, "zipped"));
  writeFileSync(join(folder, "zipped/index.js"), "exports.handler = async () => 1;");
  await json(["deploy", "zipped"]);
  assert.match(await refused(["shop", "--name", "zipped"]), /was made of a zip and cannot become one of an image/);
  assert.match(await refused(["zipped"]), /is no image: it has no index\.json/);
});
