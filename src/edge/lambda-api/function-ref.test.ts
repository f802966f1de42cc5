import assert from "node:assert/strict";
import { test } from "node:test";
import { ServiceError } from "../../model/index.ts";
import { functionRef, wholeFunction } from "./function-ref.ts";

const caller = { account: "000000000000", region: "us-east-1" };
const own = { ...caller, name: "f", qualifier: undefined };
const arn = "arn:aws:lambda:us-east-1:123456789012:function:f";

test("names, partial ARNs and ARNs are read, with and without a qualifier", () => {
  const cases: readonly [string, string | undefined, object][] = [
    ["f", undefined, own],
    ["f", "1", { ...own, qualifier: "1" }],
    ["f:live", undefined, { ...own, qualifier: "live" }],
    ["f:live", "live", { ...own, qualifier: "live" }],
    ["f", "", own],
    ["function:f", undefined, own],
    ["function:f:1", undefined, { ...own, qualifier: "1" }],
    ["123456789012:function:f", undefined, { ...own, account: "123456789012" }],
    ["123456789012:function", undefined, { ...own, account: "123456789012", name: "function" }],
    ["function:function", undefined, { ...own, name: "function" }],
    ["us-east-1:123456789012:function:f", undefined, { ...own, account: "123456789012" }],
    [arn, undefined, { ...own, account: "123456789012" }],
    [`${arn}:$LATEST`, undefined, { ...own, account: "123456789012", qualifier: "$LATEST" }],
  ];
  for (const [text, qualifier, expected] of cases)
    assert.deepEqual(functionRef(text, qualifier, caller), expected, text);
});

const refusal = (code: string) => (error: unknown) => error instanceof ServiceError && error.code === code;

test("two qualifiers that differ, another region, and a qualifier where none may be are refused", () => {
  assert.throws(() => functionRef("f:1", "2", caller), refusal("InvalidParameterValueException"));
  assert.throws(
    () => functionRef("arn:aws:lambda:eu-west-1:000000000000:function:f", undefined, caller),
    refusal("ResourceNotFoundException"),
  );
  assert.throws(() => wholeFunction(functionRef("f:1", undefined, caller)), refusal("InvalidParameterValueException"));
});

test("any text at all is read as something", () => {
  for (const text of ["", ":", "::::::::", "function", "function:", ":function:", "a:b:c:d:e:f:g:h"]) {
    assert.equal(typeof functionRef(text, undefined, { ...caller, region: "c" }).name, "string");
  }
});
