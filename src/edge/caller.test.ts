import assert from "node:assert/strict";
import { test } from "node:test";
import { callerOf, isAccount } from "./caller.ts";

const signed = (key: string, scope = "20261121/eu-west-1/sts") =>
  `AWS4-HMAC-SHA256 Credential=${key}/${scope}/aws4_request, SignedHeaders=host, Signature=0`;

test("account, region and service come out of the credential", () => {
  assert.deepEqual(callerOf(signed("123456789012")), { account: "123456789012", region: "eu-west-1", service: "sts" });
});

test("a key that is no account number stands for the default account", () => {
  for (const key of ["test", "AKIAIOSFODNN7EXAMPLE", "12345678901", "1234567890123", "12345678901x"]) {
    assert.equal(callerOf(signed(key)).account, "000000000000", key);
  }
});

test("whatever is no credential is the anonymous caller", () => {
  const anonymous = { account: "000000000000", region: "us-east-1", service: "" };
  for (const header of [undefined, "", "Bearer x", "Credential=", "Credential=a/b/c", "AWS4 Credential=a/b/c/d"]) {
    assert.deepEqual(callerOf(header), anonymous, header);
  }
});

test("an account is twelve digits", () => {
  assert.deepEqual(["000000000000", "00000000000", "00000000000 ", "０００００００００００0"].map(isAccount), [
    true,
    false,
    false,
    false,
  ]);
});
