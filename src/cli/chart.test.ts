import assert from "node:assert/strict";
import { test } from "node:test";
import { bar, columns } from "./chart.ts";

test("columns are as high as their share of the highest, and nothing is nothing", () => {
  assert.equal(columns([0, 1, 4, 8]), " ▁▄█");
  assert.equal(columns([3, 3]), "██");
  assert.equal(columns([0, 0]), "  ");
  assert.equal(columns([]), "");
});

test("a bar is as long as its share, to an eighth of a cell, and something is never nothing", () => {
  assert.equal(bar(8, 8, 4), "████");
  assert.equal(bar(3, 8, 4), "█▌");
  assert.equal(bar(0.001, 8, 4), "▏");
  assert.equal(bar(0, 8, 4), "");
  assert.equal(bar(9, 8, 4), "████");
});
