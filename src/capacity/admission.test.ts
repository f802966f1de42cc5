import assert from "node:assert/strict";
import { test } from "node:test";
import type { FunctionVersion } from "../model/index.ts";
import { type Admission, createAdmission } from "./admission.ts";

const target = (name: string, reservedConcurrency?: number, provisionedConcurrency = 0) =>
  ({
    account: "000000000000",
    region: "us-east-1",
    name,
    arn: `${name}:1`,
    reservedConcurrency,
    provisionedConcurrency,
  }) as FunctionVersion;

/** Takes places until there is none; how many, and why no more. */
function fill(admission: Admission, of: FunctionVersion): [number, string] {
  for (let taken = 0; ; taken++) {
    const reason = admission.admit(of);
    if (reason) return [taken, reason];
  }
}

test("functions without a reservation share what the account has left", () => {
  const admission = createAdmission({ unreserved: () => 2 });
  assert.equal(admission.admit(target("a")), undefined);
  assert.equal(admission.admit(target("b")), undefined);
  assert.equal(admission.admit(target("a")), "ConcurrentInvocationLimitExceeded");
  admission.release(target("b"));
  assert.equal(admission.admit(target("a")), undefined);
});

test("a reservation is both a guarantee and a cap", () => {
  const admission = createAdmission({ unreserved: () => 1 });
  assert.equal(admission.admit(target("other")), undefined);
  assert.equal(admission.admit(target("other")), "ConcurrentInvocationLimitExceeded");
  assert.deepEqual(fill(admission, target("reserved", 2)), [2, "ReservedFunctionConcurrentInvocationLimitExceeded"]);
  assert.equal(admission.running("000000000000", "us-east-1"), 3);
});

test("a reservation of zero switches a function off", () => {
  const admission = createAdmission({ unreserved: () => 1000 });
  assert.equal(admission.admit(target("off", 0)), "ReservedFunctionConcurrentInvocationLimitExceeded");
});

test("what a version provisions is its own: others cannot take it, and what goes beyond it shares with them", () => {
  const admission = createAdmission({ unreserved: () => 3 });
  assert.deepEqual(fill(admission, target("other")), [3, "ConcurrentInvocationLimitExceeded"]);
  const kept = target("kept", undefined, 2);
  assert.deepEqual(fill(admission, kept), [2, "ConcurrentInvocationLimitExceeded"], "its own two, and no more");
  admission.release(target("other"));
  assert.deepEqual(fill(admission, kept), [1, "ConcurrentInvocationLimitExceeded"], "one spills over");
  assert.deepEqual(fill(admission, target("other")), [0, "ConcurrentInvocationLimitExceeded"]);
  admission.release(kept);
  assert.equal(admission.admit(target("other")), undefined, "what had spilled over is everybody's again");
});

test("a reservation bounds what is provisioned and what spills over together", () => {
  const admission = createAdmission({ unreserved: () => 0 });
  assert.deepEqual(fill(admission, target("both", 3, 2)), [3, "ReservedFunctionConcurrentInvocationLimitExceeded"]);
});

test("running invocations stay counted when what is provisioned changes under them", () => {
  const admission = createAdmission({ unreserved: () => 2 });
  const running = target("f", undefined, 2);
  assert.deepEqual(fill(admission, running), [4, "ConcurrentInvocationLimitExceeded"]);
  assert.deepEqual(fill(admission, target("f")), [0, "ConcurrentInvocationLimitExceeded"]);
  for (let n = 0; n < 3; n++) admission.release(running);
  assert.deepEqual(fill(admission, target("f")), [1, "ConcurrentInvocationLimitExceeded"]);
  for (let n = 0; n < 2; n++) admission.release(target("f"));
  assert.equal(admission.running("000000000000", "us-east-1"), 0);
  assert.deepEqual(fill(admission, target("g")), [2, "ConcurrentInvocationLimitExceeded"]);
});

test("accounts and regions do not share their limits", () => {
  const admission = createAdmission({ unreserved: () => 1 });
  assert.equal(admission.admit(target("a")), undefined);
  assert.equal(admission.admit({ ...target("a"), account: "111111111111" } as FunctionVersion), undefined);
  assert.equal(admission.admit({ ...target("a"), region: "eu-west-1" } as FunctionVersion), undefined);
  assert.equal(admission.admit(target("a")), "ConcurrentInvocationLimitExceeded");
});
