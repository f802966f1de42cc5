import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import test, { type TestContext } from "node:test";
import yazl from "yazl";
import type { Artifacts } from "./artifacts.ts";
import { createArtifacts } from "./create-artifacts.ts";

function open(dataDir: string): Artifacts {
  return createArtifacts({ dataDir, runtimesDir: join(dataDir, "runtimes"), log: () => {} });
}

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "thaw-artifacts-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Names → contents; a name ending in `@` is a link to its content. */
async function zipOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const zip = new yazl.ZipFile();
  for (const [name, content] of Object.entries(files)) {
    if (name.endsWith("@")) zip.addBuffer(Buffer.from(content), name.slice(0, -1), { mode: 0o120777 });
    else zip.addBuffer(Buffer.from(content), name);
  }
  zip.end();
  return buffer(zip.outputStream as unknown as AsyncIterable<Buffer>);
}

const day = 24 * 60 * 60 * 1000;

/** Makes everything below a directory two days old. */
function age(path: string): void {
  const then = new Date(Date.now() - 2 * day);
  for (const entry of readdirSync(path, { recursive: true, encoding: "utf8" })) {
    if (entry.endsWith(".zip")) utimesSync(join(path, entry), then, then);
  }
}

test("a zip is stored under its SHA-256 and comes back as it was, also after a restart", async (t) => {
  const dataDir = directory(t);
  const zip = await zipOf({ "index.js": "1" });
  const code = await open(dataDir).putZip(zip);
  assert.deepEqual(code, { digest: createHash("sha256").update(zip).digest("hex"), size: zip.length });
  const again = open(dataDir);
  assert.deepEqual(await again.getZip(code), zip);
  assert.equal(readFileSync(join(await again.unpacked(code), "index.js"), "utf8"), "1");
  assert.equal(again.storedBytes(), zip.length);
});

test("the same zip twice is stored once", async (t) => {
  const artifacts = open(directory(t));
  const zip = await zipOf({ "index.js": "1" });
  const codes = await Promise.all([artifacts.putZip(zip), artifacts.putZip(zip)]);
  assert.deepEqual(codes[0], codes[1]);
  assert.deepEqual(await artifacts.putZip(zip), codes[0]);
  assert.equal(artifacts.storedBytes(), zip.length);
});

test("a large zip is stored and found under its hash too", async (t) => {
  const artifacts = open(directory(t));
  const zip = new yazl.ZipFile();
  zip.addBuffer(Buffer.alloc(600_000, "x"), "data", { compress: false });
  zip.end();
  const bytes = await buffer(zip.outputStream as unknown as AsyncIterable<Buffer>);
  const code = await artifacts.putZip(bytes);
  assert.equal(code.digest, createHash("sha256").update(bytes).digest("hex"));
  assert.deepEqual(await artifacts.getZip(code), bytes);
});

test("a refused zip leaves nothing behind", async (t) => {
  const dataDir = directory(t);
  const artifacts = open(dataDir);
  const there = () => readdirSync(dataDir, { recursive: true, encoding: "utf8" }).sort();
  const before = there();
  const zip = await zipOf({ a: "a".repeat(5000), b: "b" });
  const damaged = Buffer.from(zip);
  damaged[40]! ^= 0xff;
  await assert.rejects(artifacts.putZip(damaged), { code: "InvalidParameterValueException" });
  await assert.rejects(artifacts.putZip(damaged), { code: "InvalidParameterValueException" });
  assert.equal(artifacts.storedBytes(), 0);
  const left = there().filter((path) => !path.endsWith(".boot"));
  assert.deepEqual(
    left,
    before.filter((path) => !path.endsWith(".boot")),
  );
});

test("a tree that is gone is unpacked again, once for all who ask", async (t) => {
  const dataDir = directory(t);
  const code = await open(dataDir).putZip(await zipOf({ "index.js": "1" }));
  rmSync(join(dataDir, "unpacked", code.digest), { recursive: true });
  const artifacts = open(dataDir);
  const paths = await Promise.all(Array.from({ length: 8 }, () => artifacts.unpacked(code)));
  assert.equal(new Set(paths).size, 1);
  assert.equal(readFileSync(join(paths[0]!, "index.js"), "utf8"), "1");
});

test("trees made before a reboot are not trusted: their blocks may never have reached the disk", async (t) => {
  const dataDir = directory(t);
  const code = await open(dataDir).putZip(await zipOf({ "index.js": "1" }));
  const mark = join(dataDir, "unpacked", ".boot");
  if (!existsSync(mark)) return t.skip("this system does not name its boots");
  writeFileSync(mark, "another boot");
  writeFileSync(join(dataDir, "unpacked", code.digest, "index.js"), "");
  const artifacts = open(dataDir);
  assert.equal(readFileSync(join(await artifacts.unpacked(code), "index.js"), "utf8"), "1");
});

test("a zip damaged on disk is never run", async (t) => {
  const dataDir = directory(t);
  const code = await open(dataDir).putZip(await zipOf({ "index.js": "1" }));
  writeFileSync(
    join(dataDir, "blobs", code.digest.slice(0, 2), `${code.digest}.zip`),
    await zipOf({ "index.js": "2" }),
  );
  rmSync(join(dataDir, "unpacked", code.digest), { recursive: true });
  const artifacts = open(dataDir);
  await assert.rejects(artifacts.unpacked(code), { code: "ServiceException" });
  await assert.rejects(artifacts.getZip(code), { code: "ServiceException" });
  await assert.rejects(artifacts.getZip({ digest: "0".repeat(64), size: 1 }), { code: "ServiceException" });
});

test("a platform killed while it unpacks leaves nothing that counts", { timeout: 30_000 }, async (t) => {
  const dataDir = directory(t);
  const zip = await zipOf(Object.fromEntries(Array.from({ length: 4000 }, (_, at) => [`d${at % 50}/f${at}`, `${at}`])));
  const zipFile = join(dataDir, "code.zip");
  writeFileSync(zipFile, zip);
  const program = `
    import { readFileSync } from "node:fs";
    import { createArtifacts } from ${JSON.stringify(join(import.meta.dirname, "create-artifacts.ts"))};
    const dataDir = ${JSON.stringify(dataDir)};
    await createArtifacts({ dataDir, runtimesDir: dataDir, log() {} }).putZip(readFileSync(${JSON.stringify(zipFile)}));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "ignore" });
  const exited = once(child, "exit");
  const unfinished = join(dataDir, "unfinished");
  const isUnpacking = () =>
    existsSync(unfinished) && readdirSync(unfinished).some((tree) => readdirSync(join(unfinished, tree)).length > 3);
  while (!isUnpacking() && child.exitCode === null) await new Promise(setImmediate);
  child.kill("SIGKILL");
  await exited;
  assert.equal(child.signalCode, "SIGKILL", "it was killed before it was done");
  assert.ok(readdirSync(unfinished).length > 0);

  const artifacts = open(dataDir);
  assert.deepEqual(readdirSync(unfinished), []);
  assert.deepEqual(
    readdirSync(join(dataDir, "unpacked")).filter((name) => name !== ".boot"),
    [],
  );
  const tree = await artifacts.unpacked(await artifacts.putZip(zip));
  assert.equal(readFileSync(join(tree, "d49/f3999"), "utf8"), "3999");
});

test("layers are merged in order, the later over the earlier", async (t) => {
  const artifacts = open(directory(t));
  const one = await artifacts.putZip(
    await zipOf({ "bin/a": "1", "bin/b": "1", "lib@": "bin", conf: "1", "x/y/z": "1" }),
  );
  const two = await artifacts.putZip(await zipOf({ "bin/b": "2", "lib/c": "2", "conf/d": "2", x: "2", "l@": "bin/a" }));
  const merged = (await artifacts.layers([one, two]))!;
  const read = (path: string) => readFileSync(join(merged, path), "utf8");
  assert.deepEqual(["bin/a", "bin/b", "lib/c", "conf/d", "x"].map(read), ["1", "2", "2", "2", "2"]);
  assert.equal(readlinkSync(join(merged, "l")), "bin/a");
  assert.ok(!existsSync(join(await artifacts.unpacked(one), "bin/c")), "nothing is written through a layer's link");
  assert.equal(readFileSync(join(await artifacts.unpacked(one), "bin/b"), "utf8"), "1");
  assert.equal(await artifacts.layers([one, two]), merged);
  const reversed = (await artifacts.layers([two, one]))!;
  assert.equal(readFileSync(join(reversed, "bin/b"), "utf8"), "1");
  assert.equal(readFileSync(join(reversed, "x/y/z"), "utf8"), "1");
});

test("no layers are no directory, and one layer is its own", async (t) => {
  const artifacts = open(directory(t));
  assert.equal(await artifacts.layers([]), undefined);
  const code = await artifacts.putZip(await zipOf({ a: "1" }));
  assert.equal(await artifacts.layers([code]), await artifacts.unpacked(code));
});

test("sweeping deletes what nobody needs and is old, and that only", async (t) => {
  const dataDir = directory(t);
  const artifacts = open(dataDir);
  const zips = await Promise.all([zipOf({ a: "live" }), zipOf({ a: "old" }), zipOf({ a: "older" })]);
  const [live, old, older] = await Promise.all(zips.map((zip) => artifacts.putZip(zip)));
  await artifacts.layers([live!, old!]);
  assert.deepEqual(await artifacts.sweep([live!], day), { removed: 0, bytes: 0 });
  age(dataDir);
  await artifacts.putZip(zips[2]!); // given again: young once more
  assert.deepEqual(await artifacts.sweep([live!], day), { removed: 1, bytes: old!.size });
  assert.equal(artifacts.storedBytes(), live!.size + older!.size);
  await assert.rejects(artifacts.getZip(old!), { code: "ServiceException" });
  assert.equal((await artifacts.getZip(older!)).length, older!.size);
  assert.deepEqual(await artifacts.sweep([live!], 0), { removed: 1, bytes: older!.size });
  const trees = readdirSync(join(dataDir, "unpacked")).filter((name) => name !== ".boot");
  assert.deepEqual(trees, [live!.digest]);
  assert.deepEqual(
    readdirSync(join(dataDir, "layers")).filter((name) => name !== ".boot"),
    [],
  );
  assert.ok(statSync(await artifacts.unpacked(live!)).isDirectory());
  const back = await artifacts.putZip(zips[1]!);
  assert.equal(readFileSync(join(await artifacts.unpacked(back), "a"), "utf8"), "old");
});

test("five layers, as many as a function may have, have a name that a file system takes", async (t) => {
  const artifacts = open(directory(t));
  const zips = await Promise.all(Array.from({ length: 5 }, (_, at) => zipOf({ [`f${at}`]: "1" })));
  const merged = await artifacts.layers(await Promise.all(zips.map((zip) => artifacts.putZip(zip))));
  assert.equal(readdirSync(merged!).length, 5);
});

test("a data directory that cannot be made is told of at once", (t) => {
  const file = join(directory(t), "file");
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, "");
  assert.throws(() => open(file), /ENOTDIR|EEXIST/);
});
