import assert from "node:assert/strict";
import { test } from "node:test";
import { writeXml } from "./xml.ts";

test("elements, lists and what is left out", () => {
  assert.equal(
    writeXml({ A: "1", B: [{ C: true }, "x"], D: undefined, E: {} }),
    "<A>1</A><B><member><C>true</C></member><member>x</member></B><E></E>",
  );
});

test("no text can end its element or break the document", () => {
  assert.equal(writeXml("</A>&\"'"), "&lt;/A&gt;&amp;&quot;'");
  assert.equal(writeXml("\0\u001f\ufffe\ud800 ü😀\n"), "\ufffd\ufffd\ufffd\ufffd ü😀\n");
});
