import assert from "node:assert/strict";
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import test, { type TestContext } from "node:test";
import { crc32, deflateRawSync } from "node:zlib";
import yazl from "yazl";
import fc from "../../tests/properties.ts";
import { limits, ServiceError } from "../model/index.ts";
import { unpack } from "./unpack.ts";

interface Raw {
  readonly name: string | Buffer;
  readonly data?: string | Buffer;
  /** st_mode; 0: made on a system without one */
  readonly mode?: number;
  readonly stored?: boolean;
  readonly flags?: number;
  readonly method?: number;
  /** lies */
  readonly size?: number;
  readonly crc?: number;
}

/** An archive with whatever names and numbers it is told, which no honest library would write (APPNOTE 4.3). */
function rawZip(entries: readonly Raw[]): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.name as string);
    const data = Buffer.from((entry.data ?? "") as string);
    const packed = entry.stored ? data : deflateRawSync(data);
    const mode = entry.mode ?? 0o100644;
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(entry.flags ?? 0x800, 2);
    fields.writeUInt16LE(entry.method ?? (entry.stored ? 0 : 8), 4);
    fields.writeUInt32LE(entry.crc ?? crc32(data), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(entry.size ?? data.length, 18);
    fields.writeUInt16LE(name.length, 22);
    local.push(Buffer.from("PK\x03\x04"), fields, name, packed);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(mode * 0x10000, 6);
    rest.writeUInt32LE(offset, 10);
    central.push(Buffer.from("PK\x01\x02"), Buffer.from([20, mode === 0 ? 0 : 3]), fields, rest, name);
    offset += 30 + name.length + packed.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...local, directory, end]);
}

const link = (name: string, target: string): Raw => ({ name, data: target, mode: 0o120777 });

/** A place for one tree inside a directory that must stay otherwise empty. */
function place(t: TestContext): { readonly around: string; readonly tree: string } {
  const around = mkdtempSync(join(tmpdir(), "thaw-unpack-"));
  t.after(() => rmSync(around, { recursive: true, force: true }));
  return { around, tree: join(around, "tree") };
}

async function unpacked(t: TestContext, zip: Buffer): Promise<string> {
  const { tree } = place(t);
  await unpack(zip, tree);
  return tree;
}

/** Refused with AWS's code, and nothing written beside the tree. */
async function refused(t: TestContext, zip: Buffer, reason?: RegExp): Promise<void> {
  const { around, tree } = place(t);
  await assert.rejects(unpack(zip, tree), (error) => {
    assert.ok(error instanceof ServiceError, String(error));
    assert.equal(error.code, "InvalidParameterValueException");
    if (reason !== undefined) assert.match(String(error.fields.Reason ?? error.message), reason);
    return true;
  });
  assert.deepEqual(
    readdirSync(around).filter((name) => name !== "tree"),
    [],
  );
}

test("files, directories and links come out as they went in", async (t) => {
  const zip = new yazl.ZipFile();
  zip.addBuffer(Buffer.from("deflated ".repeat(100)), "lib/deep/a.txt");
  zip.addBuffer(Buffer.from("stored"), "b.txt", { compress: false });
  zip.addBuffer(Buffer.alloc(2_000_000, "large"), "large");
  zip.addBuffer(Buffer.alloc(2_000_000, "stored"), "large-stored", { compress: false });
  zip.addBuffer(Buffer.from(""), "empty");
  zip.addEmptyDirectory("nothing");
  zip.addBuffer(Buffer.from("lib/deep/a.txt"), "link", { mode: 0o120777 });
  zip.end();
  const tree = await unpacked(t, await buffer(zip.outputStream as unknown as AsyncIterable<Buffer>));
  assert.equal(readFileSync(join(tree, "lib/deep/a.txt"), "utf8"), "deflated ".repeat(100));
  assert.equal(readFileSync(join(tree, "b.txt"), "utf8"), "stored");
  assert.deepEqual(readFileSync(join(tree, "large")), Buffer.alloc(2_000_000, "large"));
  assert.deepEqual(readFileSync(join(tree, "large-stored")), Buffer.alloc(2_000_000, "stored"));
  assert.equal(statSync(join(tree, "empty")).size, 0);
  assert.deepEqual(readdirSync(join(tree, "nothing")), []);
  assert.equal(readlinkSync(join(tree, "link")), "lib/deep/a.txt");
});

test("zip64 archives and data descriptors are read", async (t) => {
  const zip = new yazl.ZipFile();
  zip.addReadStream((await import("node:stream")).Readable.from([Buffer.from("streamed")]), "s.txt");
  zip.end({ forceZip64Format: true } as never);
  const tree = await unpacked(t, await buffer(zip.outputStream as unknown as AsyncIterable<Buffer>));
  assert.equal(readFileSync(join(tree, "s.txt"), "utf8"), "streamed");
});

test("executable bits are kept; all may read, none but the owner write; set-uid goes", async (t) => {
  const tree = await unpacked(
    t,
    rawZip([
      { name: "secret", mode: 0o100600 },
      { name: "bootstrap", mode: 0o100700 },
      { name: "all", mode: 0o100777 },
      { name: "suid", mode: 0o104755 },
      { name: "windows", mode: 0 },
      { name: "locked/", mode: 0o040000 },
      { name: "locked/in", mode: 0o100000 },
    ]),
  );
  const mode = (name: string) => (statSync(join(tree, name)).mode & 0o7777).toString(8);
  assert.deepEqual(["secret", "bootstrap", "all", "suid", "windows", "locked", "locked/in"].map(mode), [
    "644",
    "744",
    "755",
    "755",
    "755",
    "755",
    "444",
  ]);
});

test("the umask of the platform changes nothing", async (t) => {
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  const tree = await unpacked(t, rawZip([{ name: "d/run", mode: 0o100755 }]));
  assert.deepEqual(
    [tree, join(tree, "d"), join(tree, "d/run")].map((path) => statSync(path).mode & 0o777),
    [0o755, 0o755, 0o755],
  );
});

for (const name of ["../x", "a/../../x", "/x", "a\0b", "..", "a/..", "..\\x", "C:\\x", "x".repeat(300)]) {
  test(`an entry named ${JSON.stringify(name.slice(0, 20))} is refused`, (t) =>
    refused(t, rawZip([{ name, data: "x" }])));
}

test("links may point about inside the tree, even at nothing, but not out of it", async (t) => {
  const inside = [
    link("a", "b"),
    link("loop", "loop"),
    link("d/up", "../b"),
    link("d/e/deep", "../../d/up"),
    link("self", "."),
    { name: "b", data: "b" },
  ];
  const tree = await unpacked(t, rawZip(inside));
  assert.equal(readFileSync(join(tree, "d/e/deep"), "utf8"), "b");
  assert.ok(lstatSync(join(tree, "loop")).isSymbolicLink());
  for (const target of ["..", "../x", "/etc/passwd", "a/../../x", ""]) {
    await refused(t, rawZip([link("out", target), { name: "a/b", data: "" }]));
  }
});

test("a link that leaves the tree by way of another link is refused", async (t) => {
  await refused(t, rawZip([link("d1/d2/s", "../.."), link("e", "d1/d2/s/../x")]), /leaves/);
  await refused(t, rawZip([link("e", "d1/d2/s/../x"), link("d1/d2/s", "t"), link("d1/d2/t", "../..")]), /leaves/);
});

test("nothing is written through a link of the archive", async (t) => {
  await refused(t, rawZip([link("d", "."), { name: "d/x", data: "x" }]), /link/);
  await refused(t, rawZip([{ name: "d/x", data: "x" }, link("d", "/tmp")]), /link|absolute/);
  await refused(t, rawZip([{ name: "f", data: "x" }, { name: "f/x" }]), /directory/);
});

test("many links that lead through each other cost only a moment", async (t) => {
  const links = Array.from({ length: 20_000 }, (_, at) => link(`l${at}`, `${"a/../".repeat(200)}l${at + 1}`));
  await refused(t, rawZip(links), /too many symbolic links/);
});

test("of two entries with one name the later wins, and names that differ in case are two", async (t) => {
  const tree = await unpacked(
    t,
    rawZip([
      { name: "a", data: "first" },
      { name: "./a", data: "second" },
      { name: "A", data: "other" },
      { name: "d/", mode: 0o040755 },
      { name: "d/", mode: 0o040755 },
    ]),
  );
  assert.equal(readFileSync(join(tree, "a"), "utf8"), "second");
  if (process.platform === "linux") assert.equal(readFileSync(join(tree, "A"), "utf8"), "other");
});

test("devices, encrypted entries and unknown compressions are refused", async (t) => {
  await refused(t, rawZip([{ name: "dev", mode: 0o020666 }]), /neither/);
  await refused(t, rawZip([{ name: "fifo", mode: 0o010666 }]), /neither/);
  await refused(t, rawZip([{ name: "secret", flags: 0x801 }]), /encrypted/);
  await refused(t, rawZip([{ name: "lzma", method: 14 }]), /compression method 14/);
});

test("content that is not what the directory promises is refused", async (t) => {
  await refused(t, rawZip([{ name: "a", data: "abc", crc: 1 }]), /checksum/);
  await refused(t, rawZip([{ name: "a", data: "abc", size: 4 }]), /bytes long/);
  await refused(t, rawZip([{ name: "a", data: "abc", size: 2 }]));
  await refused(t, rawZip([{ name: "a", data: Buffer.alloc(3_000_000), size: 2_000_000 }]), /larger/);
  await refused(t, rawZip([{ name: "a", data: Buffer.alloc(2_000_000), size: 3_000_000 }]), /bytes long/);
});

test("a bomb is refused by what it says and by what it does", async (t) => {
  const { around, tree } = place(t);
  const half = Buffer.alloc(limits.unzippedCodeBytes / 2 + 1);
  const message = /^Unzipped size must be smaller than 262144000 bytes$/;
  const two = rawZip([
    { name: "a", data: half },
    { name: "b", data: half },
  ]);
  await assert.rejects(unpack(two, tree), { name: "InvalidParameterValueException", message });
  assert.ok(!existsSync(tree));
  // Says it is small: inflating stops there.
  await refused(t, rawZip([{ name: "a", data: half, size: 10 }]));
  assert.deepEqual(readdirSync(around), []);
});

test("bytes that are no archive, and archives without entries, are refused with AWS's words", async (t) => {
  await refused(t, Buffer.from("hello"), /signature not found/);
  await refused(t, Buffer.alloc(0), /non-empty zip/);
  await refused(t, rawZip([]), /non-empty zip/);
  const { tree } = place(t);
  await assert.rejects(unpack(Buffer.from("hello"), tree), {
    message: "Could not unzip uploaded file. Please check your file, then try to upload again.",
  });
});

test("an archive with too many entries is refused before anything is made", async (t) => {
  const names = Array.from({ length: 60 }, (_, at) => `${at}/${"d/".repeat(1700)}`);
  await refused(t, rawZip(names.map((name) => ({ name, mode: 0o040755 }))), /more than 100000/);
});

test("whatever bytes are changed or cut off, unpacking succeeds inside the tree or is refused, nothing else", async (t) => {
  const whole = rawZip([
    { name: "index.js", data: "exports.handler = async () => 1;\n".repeat(20) },
    { name: "lib/", mode: 0o040755 },
    { name: "lib/b", data: "b", stored: true, mode: 0o100755 },
    link("lib/l", "../index.js"),
  ]);
  const change = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) });
  const hostile = fc.record({
    changes: fc.array(change, { maxLength: 6 }),
    length: fc.integer({ min: 0, max: whole.length }),
  });
  await fc.assert(
    fc.asyncProperty(hostile, async ({ changes, length }) => {
      const zip = Buffer.from(whole);
      for (const { at, byte } of changes) zip[at] = byte;
      const { around, tree } = place(t);
      try {
        await unpack(zip.subarray(0, changes.length % 2 === 0 ? zip.length : length), tree);
      } catch (error) {
        assert.ok(error instanceof ServiceError, String((error as Error).stack));
      }
      assert.deepEqual(
        readdirSync(around).filter((name) => name !== "tree"),
        [],
      );
      rmSync(around, { recursive: true });
    }),
    { numRuns: 400 },
  );
});
