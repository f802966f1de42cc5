import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { coverage, page, pagePath } from "../../scripts/coverage-page.ts";
import { operations as table } from "../../src/edge/lambda-api/operations/index.ts";

const operations = coverage();

test("COVERAGE.md says what the code says: else `npm run coverage-page`", () => {
  const before = readFileSync(pagePath, "utf8");
  assert.equal(before, page(operations, before));
});

test("every operation that is served is on the page", () => {
  const listed = new Set(operations.filter(({ file }) => file !== undefined).map(({ name }) => name));
  assert.deepEqual(
    Object.keys(table).filter((name) => !listed.has(name)),
    [],
  );
});

test("every operation that is here has a test through an official client", () => {
  const untested = operations.filter(({ file, tests }) => file !== undefined && tests.length === 0);
  assert.deepEqual(
    untested.map(({ name }) => name),
    [],
  );
});
