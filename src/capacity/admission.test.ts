import assert from "node:assert/strict";
import { test } from "node:test";
import type { FunctionVersion } from "../model/index.ts";
import { createAdmission } from "./admission.ts";

const target = (name: string, reservedConcurrency?: number) =>
  ({ account: "000000000000", region: "us-east-1", name, reservedConcurrency }) as FunctionVersion;

test("functions without a reservation share what the account has left", () => {
  const admission = createAdmission({ accountConcurrency: 5, reservedTotal: () => 3 });
  assert.equal(admission.admit(target("a")), undefined);
  assert.equal(admission.admit(target("b")), undefined);
  assert.equal(admission.admit(target("a")), "ConcurrentInvocationLimitExceeded");
  admission.release(target("b"));
  assert.equal(admission.admit(target("a")), undefined);
});

test("a reservation is both a guarantee and a cap", () => {
  const admission = createAdmission({ accountConcurrency: 3, reservedTotal: () => 2 });
  assert.equal(admission.admit(target("other")), undefined);
  assert.equal(admission.admit(target("other")), "ConcurrentInvocationLimitExceeded");
  assert.equal(admission.admit(target("reserved", 2)), undefined);
  assert.equal(admission.admit(target("reserved", 2)), undefined);
  assert.equal(admission.admit(target("reserved", 2)), "ReservedFunctionConcurrentInvocationLimitExceeded");
  assert.equal(admission.running("000000000000", "us-east-1"), 3);
});

test("a reservation of zero switches a function off", () => {
  const admission = createAdmission({ accountConcurrency: 1000, reservedTotal: () => 0 });
  assert.equal(admission.admit(target("off", 0)), "ReservedFunctionConcurrentInvocationLimitExceeded");
});

test("accounts and regions do not share their limits", () => {
  const admission = createAdmission({ accountConcurrency: 1, reservedTotal: () => 0 });
  assert.equal(admission.admit(target("a")), undefined);
  assert.equal(admission.admit({ ...target("a"), account: "111111111111" } as FunctionVersion), undefined);
  assert.equal(admission.admit({ ...target("a"), region: "eu-west-1" } as FunctionVersion), undefined);
  assert.equal(admission.admit(target("a")), "ConcurrentInvocationLimitExceeded");
});
