import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../tests/properties.ts";
import { createLineSplitter } from "./line-splitter.ts";

function split(chunks: readonly (string | Buffer)[], maxBytes = 1000): string[] {
  const lines: string[] = [];
  const splitter = createLineSplitter(maxBytes, (line) => lines.push(line.toString()));
  for (const chunk of chunks) splitter.push(Buffer.from(chunk as string));
  splitter.end();
  return lines;
}

test("lines are found whatever pieces they come in", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("a", "é", "\n", "😀") }), fc.array(fc.nat(20)), (text, cuts) => {
      const bytes = Buffer.from(text);
      const chunks: Buffer[] = [];
      let at = 0;
      for (const cut of cuts) {
        chunks.push(bytes.subarray(at, at + cut));
        at = Math.min(bytes.length, at + cut);
      }
      chunks.push(bytes.subarray(at));
      const lines = text.split("\n");
      if (lines.at(-1) === "") lines.pop();
      assert.deepEqual(split(chunks), lines);
    }),
  );
});

test("an unfinished line waits for its rest and is handed out at the end", () => {
  const lines: string[] = [];
  const splitter = createLineSplitter(1000, (line) => lines.push(line.toString()));
  splitter.push(Buffer.from("one\ntw"));
  assert.deepEqual(lines, ["one"]);
  splitter.push(Buffer.from("o"));
  splitter.end();
  splitter.end();
  assert.deepEqual(lines, ["one", "two"]);
});

test("a line longer than an event comes in pieces, and nothing is lost or added", () => {
  assert.deepEqual(split(["abcdefgh\nij\n"], 4), ["abcd", "efgh", "ij"]);
  assert.deepEqual(split(["abcdefghi\nij\n"], 4), ["abcd", "efgh", "i", "ij"]);
  assert.deepEqual(split(["ab", "cdef", "g\n", "x"], 4), ["abcd", "efg", "x"]);
});

test("what is held of a chunk does not change when the chunk's memory is used again", () => {
  const lines: string[] = [];
  const splitter = createLineSplitter(1000, (line) => lines.push(line.toString()));
  const chunk = Buffer.from("half");
  splitter.push(chunk);
  chunk.fill("x");
  splitter.end();
  assert.deepEqual(lines, ["half"]);
});
