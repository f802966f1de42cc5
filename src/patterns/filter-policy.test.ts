import assert from "node:assert/strict";
import { test } from "node:test";
import { compileFilterPolicy, type PolicyMessage } from "./filter-policy.ts";

const message: PolicyMessage = {
  body: JSON.stringify({ store: "example", price: { amount: 210.75, tags: ["a", "b"] }, gone: null }),
  attributes: {
    store: { type: "String", value: "example_corp" },
    price: { type: "Number", value: "2.1075e2" },
    interests: { type: "String.Array", value: '["soccer","rugby",1,true,null]' },
    picture: { type: "Binary", value: undefined },
    digits: { type: "String", value: "5" },
  },
};
const attributes = (policy: object) => compileFilterPolicy(JSON.stringify(policy), "MessageAttributes")(message);
const body = (policy: object) => compileFilterPolicy(JSON.stringify(policy), "MessageBody")(message);

test("a policy of attributes sees texts, numbers and the elements of lists", () => {
  assert.ok(attributes({}));
  assert.ok(attributes({ store: ["example_corp"], price: [{ numeric: [">", 200, "<=", 210.75] }] }));
  assert.ok(attributes({ interests: ["rugby"] }));
  assert.ok(attributes({ interests: [null] }));
  assert.ok(attributes({ interests: [{ "anything-but": ["soccer"] }] }));
  assert.ok(attributes({ event: [{ exists: false }] }));
  assert.ok(attributes({ $or: [{ store: ["x"] }, { digits: ["5"] }] }));
  assert.equal(attributes({ digits: [5] }), false);
  assert.equal(attributes({ picture: [{ exists: true }] }), false);
  assert.equal(attributes({ store: ["example_corp"], event: ["order"] }), false);
});

test("a policy of the body sees the JSON in it, and nothing in what is none", () => {
  assert.ok(body({ store: ["example"], price: { amount: [{ numeric: [">=", 100] }], tags: ["b"] } }));
  assert.ok(body({ gone: [null] }));
  assert.equal(body({ price: { tags: ["c"] } }), false);
  for (const text of ["", "no json", "[]", '"text"']) {
    assert.equal(compileFilterPolicy('{"a":[{"exists":false}]}', "MessageBody")({ body: text, attributes: {} }), false);
  }
});

test("policies that SNS finds too large are refused", () => {
  const of = (policy: object, scope: "MessageAttributes" | "MessageBody") => () =>
    compileFilterPolicy(JSON.stringify(policy), scope);
  assert.throws(of({ a: { b: ["c"] } }, "MessageAttributes"), /nested/);
  assert.throws(of({ a: ["1"], b: ["1"], c: ["1"], d: ["1"], e: ["1"], f: ["1"] }, "MessageBody"), /5 keys/);
  const four = ["1", "2", "3", "4"];
  const three = four.slice(1);
  assert.throws(of({ a: { b: { c: four } }, d: { e: three }, f: three }, "MessageBody"), /too complex/);
  assert.doesNotThrow(of({ a: { b: { c: four } }, d: { e: three } }, "MessageBody"));
});
