import assert from "node:assert/strict";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { ZipFile } from "yazl";
import { entriesOf, unpacked } from "../../web/zip.ts";

/** The dashboard reads packages in the browser: with nothing but what browsers have. */
async function zipOf(files: Readonly<Record<string, string>>, comment = ""): Promise<ArrayBuffer> {
  const zip = new ZipFile();
  for (const [name, text] of Object.entries(files))
    zip.addBuffer(Buffer.from(text), name, { compress: text.length > 50 });
  zip.addEmptyDirectory("empty");
  zip.end({ comment, forceZip64Format: false });
  const bytes = await buffer(zip.outputStream);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
}

const files = { "src/app.js": "exports.handler = async () => 1;\n".repeat(30), "a.txt": "as it is", "ü.txt": "" };

test("files of a zip are listed by path, and read whether they are packed or not", async () => {
  const zip = await zipOf(files, "a comment behind all");
  const entries = entriesOf(zip);
  assert.deepEqual(
    entries.map(({ path, size, method }) => [path, size, method]),
    [
      ["a.txt", 8, 0],
      ["src/app.js", 990, 8],
      ["ü.txt", 0, 0],
    ],
  );
  for (const entry of entries) {
    const text = new TextDecoder().decode(await unpacked(zip, entry));
    assert.equal(text, files[entry.path as keyof typeof files], entry.path);
  }
});

test("what is no zip, or is packed in another way, is refused with words", async () => {
  assert.throws(() => entriesOf(new TextEncoder().encode("no zip at all, and long enough").buffer), /not a zip/);
  assert.throws(() => entriesOf(new ArrayBuffer(3)), /not a zip/);
  const zip = await zipOf(files);
  await assert.rejects(unpacked(zip, { ...entriesOf(zip)[0]!, method: 12 }), /packed in a way \(12\)/);
});
