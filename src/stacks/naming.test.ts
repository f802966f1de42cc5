import assert from "node:assert/strict";
import { test } from "node:test";
import { generatedName } from "./naming.ts";

const stack = "s".repeat(128);

test("a generated name fits its type, and is the same on every try", () => {
  const rules = { property: "FunctionName", most: 64 };
  const name = generatedName(stack, "L".repeat(200), "seed", rules);
  assert.equal(name.length, 64);
  assert.equal(generatedName(stack, "L".repeat(200), "seed", rules), name);
  assert.notEqual(generatedName(stack, "L".repeat(200), "another", rules), name);
});

test("a short logical id is kept whole beside a long stack's name", () => {
  assert.match(generatedName(stack, "Hello", "seed", { property: "", most: 64 }), /^s+-Hello-[A-Z2-7]{12}$/);
});

test("buckets have small letters", () => {
  const name = generatedName("App", "Bucket", "seed", { property: "BucketName", most: 63, lower: true });
  assert.match(name, /^app-bucket-[a-z2-7]{12}$/);
});
