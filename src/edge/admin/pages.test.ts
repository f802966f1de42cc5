import assert from "node:assert/strict";
import { test } from "node:test";
import { pagePaths } from "./page-paths.ts";
import { buildPages } from "./pages.ts";

/** So that it is there in a blink on a slow line, too. */
const mostZipped = 100 * 1024;

test("the dashboard is built of all its files, and is small", async () => {
  const files = await buildPages();
  assert.deepEqual([...files.keys()], [...pagePaths]);
  const zipped = [...files.values()].reduce((sum, file) => sum + file.zipped.length, 0);
  assert.ok(zipped < mostZipped, `${zipped} bytes`);
  assert.match(files.get("/_thaw/app.js")!.body.toString(), /How your functions start/);
});

test("nothing in it comes from elsewhere, is inline, or is evaluated", async () => {
  for (const [path, { body }] of await buildPages()) {
    const text = body.toString();
    // Names of XML's vocabularies are no addresses.
    const addresses = text.match(/https?:\/\/[^\s"'`)]+/g) ?? [];
    assert.deepEqual(
      addresses.filter((address) => !address.startsWith("http://www.w3.org/")),
      [],
      path,
    );
    assert.doesNotMatch(text, /\beval\(|new Function\(/, path);
    if (path === "/_thaw/") assert.doesNotMatch(text, /<script(?![^>]*src=)|<style|\sstyle=|\son\w+=/);
  }
});
