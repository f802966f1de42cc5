import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../tests/properties.ts";
import { compilePattern } from "./pattern.ts";
import { PatternError } from "./tree.ts";

const event = {
  source: "aws.ec2",
  time: "2017-10-02T16:24:49Z",
  resources: ["arn:one", "arn:two"],
  empty: "",
  nothing: null,
  none: [],
  detail: {
    count: 5,
    limit: 301.8,
    ip: "10.0.0.33",
    ip6: "2001:db8::7",
    state: "Running",
    flag: true,
    path: "a/b/c*.png",
  },
  people: [
    { first: "Anna", last: "Smith", age: 7 },
    { first: "Ben", last: "Jones" },
  ],
};

const fitting: readonly object[] = [
  {},
  { source: ["aws.ec2"] },
  { source: ["x", "aws.ec2"], time: [{ prefix: "2017-10-02" }] },
  { source: [{ suffix: "ec2" }] },
  { source: [{ prefix: { "equals-ignore-case": "AWS" } }] },
  { source: [{ suffix: { "equals-ignore-case": "EC2" } }] },
  { detail: { state: [{ "equals-ignore-case": "rUNNING" }] } },
  { resources: ["arn:two"] },
  { empty: [""] },
  { nothing: [null] },
  { nothing: [{ exists: true }] },
  { none: [{ exists: false }] },
  { detail: { missing: [{ exists: false }] } },
  { missing: { deep: [{ exists: false }] } },
  { source: { deep: [{ exists: false }] } },
  { detail: [{ exists: false }] },
  { detail: { count: [{ numeric: [">", 0, "<=", 5] }] } },
  { detail: { count: [{ numeric: ["=", 5.0] }], limit: [{ numeric: ["<", 302] }] } },
  { detail: { ip: [{ cidr: "10.0.0.0/24" }], ip6: [{ cidr: "2001:db8::/32" }] } },
  { detail: { state: [{ "anything-but": "stopped" }] } },
  { detail: { state: [{ "anything-but": ["stopped", "started"] }] } },
  { detail: { count: [{ "anything-but": [1, 2] }] } },
  { detail: { state: [{ "anything-but": { prefix: "Stop" } }] } },
  { detail: { state: [{ "anything-but": { suffix: ["x", "y"] } }] } },
  { detail: { state: [{ "anything-but": { "equals-ignore-case": ["STOPPED"] } }] } },
  { detail: { path: [{ "anything-but": { wildcard: "*/lib/*" } }] } },
  { detail: { path: [{ wildcard: "a/*/c\\*.p*" }] } },
  { detail: { flag: [true] } },
  { resources: [{ "anything-but": "arn:one" }] },
  { people: { first: ["Anna"], last: ["Smith"] } },
  { people: { first: ["Ben"] } },
  { $or: [{ source: ["x"] }, { detail: { count: [5] } }] },
  { detail: { $or: [{ count: [1] }, { state: ["Running"], flag: [true] }] } },
];

const others: readonly object[] = [
  { source: ["AWS.EC2"] },
  { source: [{ prefix: "ec2" }] },
  { time: [{ suffix: "ec2" }] },
  { nothing: [""] },
  { empty: [null] },
  { nothing: [{ exists: false }] },
  { detail: [{ exists: true }] },
  { detail: { count: ["5"] } },
  { detail: { count: [{ numeric: [">", 5] }] } },
  { detail: { state: [{ numeric: ["=", 5] }] } },
  { detail: { ip: [{ cidr: "10.0.1.0/24" }] } },
  { detail: { ip: [{ cidr: "2001:db8::/32" }] } },
  { detail: { state: [{ "anything-but": "Running" }] } },
  { detail: { state: [{ "anything-but": { prefix: ["x", "Run"] } }] } },
  { detail: { missing: [{ "anything-but": "x" }] } },
  { detail: { path: [{ wildcard: "a/*/d*" }] } },
  { detail: { path: [{ wildcard: "a/b/c" }] } },
  { people: { first: ["Anna"], last: ["Jones"] } },
  { people: { age: [{ exists: false }] } },
  { $or: [{ people: { first: ["Anna"] } }, { source: ["x"] }], people: { last: ["Jones"] } },
  { constructor: [{ exists: true }] },
];

test("patterns find what AWS's documentation says they find", () => {
  for (const pattern of fitting)
    assert.equal(compilePattern(JSON.stringify(pattern))(event), true, JSON.stringify(pattern));
  for (const pattern of others)
    assert.equal(compilePattern(JSON.stringify(pattern))(event), false, JSON.stringify(pattern));
});

const refused: readonly [unknown, RegExp][] = [
  [[], /not an object/],
  ["text", /not an object/],
  [null, /not an object/],
  [{ a: "b" }, /"a" must be an object or an array/],
  [{ a: [] }, /Empty arrays/],
  [{ a: {} }, /Empty objects/],
  [{ x: { a: [["b"]] } }, /at "x.a"/],
  [{ a: [{}] }, /Only one key/],
  [{ a: [{ prefix: "x", suffix: "y" }] }, /Only one key/],
  [{ a: [{ prefix: "" }] }, /prefix/],
  [{ a: [{ prefix: 1 }] }, /must be a string/],
  [{ a: [{ exists: "yes" }] }, /true or false/],
  [{ a: [{ numeric: [] }] }, /numeric/],
  [{ a: [{ numeric: ["=", "1"] }] }, /must be numeric/],
  [{ a: [{ numeric: [">", 9, "<", 0] }] }, /Bottom/],
  [{ a: [{ numeric: ["<", 0, ">", 9] }] }, /Too many/],
  [{ a: [{ "anything-but": [] }] }, /Empty arrays/],
  [{ a: [{ "anything-but": null }] }, /not supported/],
  [{ a: [{ "anything-but": ["a", 1] }] }, /mixed/],
  [{ a: [{ constructor: 1 }] }, /Unrecognized match type constructor/],
  [{ a: [{ cidr: "10.0.0.0" }] }, /CIDR/],
  [{ a: [{ cidr: "10.0.0.0/33" }] }, /CIDR/],
  [{ a: [{ wildcard: "a**b" }] }, /Consecutive/],
  [{ a: [{ wildcard: "a\\b" }] }, /escape/],
  [{ $or: [{ a: ["b"] }] }, /at least 2/],
  [{ $or: { a: ["b"] } }, /\$or/],
];

test("what is no pattern is refused, and the message says why and where", () => {
  for (const [pattern, why] of refused) {
    assert.throws(
      () => compilePattern(JSON.stringify(pattern)),
      (error) => error instanceof PatternError && why.test(error.message),
      JSON.stringify(pattern),
    );
  }
  for (const text of ["", "{", "{'a': ['b']}", '{"a":["b"]} x'])
    assert.throws(() => compilePattern(text), PatternError);
});

test("any text is a pattern or refused, and a pattern fits or not", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), fc.jsonValue(), (text, value) => {
      try {
        assert.equal(typeof compilePattern(text)(value), "boolean");
      } catch (error) {
        assert.ok(error instanceof PatternError, String(error));
      }
    }),
  );
});

test("alternatives that would multiply without end are refused", () => {
  const or = [{ a: ["1"] }, { b: ["1"] }, { c: ["1"] }, { d: ["1"] }];
  const deep = { w: { $or: or }, x: { $or: or }, y: { $or: or }, z: { $or: or }, v: { $or: or } };
  assert.throws(() => compilePattern(JSON.stringify(deep)), /combinations/);
});

/** The rules read the slow way: every choice of one element for each list of objects is an event of its own. */
type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
type Rule = { readonly [name: string]: Rule | readonly unknown[] };

function* worlds(value: Json): Generator<Json> {
  if (Array.isArray(value)) {
    if (!value.some((one) => typeof one === "object" && one !== null)) return yield value;
    for (const one of value) yield* worlds(one);
    return;
  }
  if (typeof value !== "object" || value === null) return yield value;
  const entries = Object.entries(value);
  const build = function* (at: number): Generator<Record<string, Json>> {
    if (at === entries.length) return yield {};
    const [name, inner] = entries[at]!;
    for (const rest of build(at + 1)) for (const one of worlds(inner)) yield { ...rest, [name]: one };
  };
  yield* build(0);
}

const leaves = (value: Json | undefined): unknown[] =>
  value === undefined || (typeof value === "object" && value !== null && !Array.isArray(value)) ? [] : [value].flat();

const at = (world: Json | undefined, path: readonly string[]): Json | undefined =>
  path.reduce<Json | undefined>(
    (value, name) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? (value as Record<string, Json>)[name]
        : undefined,
    world,
  );

function holds(rule: Rule, path: readonly string[], world: Json, all: readonly Json[]): boolean {
  return Object.entries(rule).every(([name, wanted]) => {
    if (name === "$or") return (wanted as Rule[]).some((one) => holds(one, path, world, all));
    const here = [...path, name];
    if (!Array.isArray(wanted)) return holds(wanted as Rule, here, world, all);
    return wanted.some((one) => {
      if (typeof one !== "object" || one === null) return leaves(at(world, here)).includes(one);
      if ("exists" in one) {
        return one.exists
          ? leaves(at(world, here)).length > 0
          : all.every((each) => leaves(at(each, here)).length === 0);
      }
      return leaves(at(world, here)).some((value) => value !== one["anything-but"]);
    });
  });
}

const scalar = fc.constantFrom<Json>("x", "y", 1, true, null, "");
const name = fc.constantFrom("a", "b", "c");
const { value } = fc.letrec<{ value: Json; object: Json }>((tie) => ({
  object: fc.dictionary(name, tie("value"), { maxKeys: 3 }) as fc.Arbitrary<Json>,
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar,
    fc.array(scalar, { maxLength: 2 }),
    tie("object"),
    fc.array(tie("object"), { minLength: 1, maxLength: 2 }),
  ),
}));
const list = fc.array(
  fc.oneof(
    scalar,
    fc.boolean().map((exists) => ({ exists })),
    fc.constantFrom("x", 1).map((but) => ({ "anything-but": but })),
  ),
  { minLength: 1, maxLength: 2 },
);
const { rule } = fc.letrec<{ rule: Rule }>((tie) => ({
  rule: fc
    .tuple(
      fc.dictionary(name, fc.oneof({ maxDepth: 2, depthSize: "small" }, list, tie("rule")), { minKeys: 1, maxKeys: 2 }),
      fc.option(fc.array(fc.dictionary(name, list, { minKeys: 1, maxKeys: 2 }), { minLength: 2, maxLength: 2 }), {
        freq: 2,
      }),
    )
    .map(([fields, or]) => (or === null ? fields : { ...fields, $or: or }) as Rule),
}));

test("patterns agree with the rules read the slow way", () => {
  let fits = 0;
  fc.assert(
    fc.property(rule, fc.dictionary(name, value, { maxKeys: 3 }), (pattern, event) => {
      const all = [...worlds(event)];
      const wanted = all.some((world) => holds(pattern, [], world, all));
      if (wanted) fits += 1;
      assert.equal(compilePattern(JSON.stringify(pattern))(event), wanted);
    }),
    { numRuns: 1500 },
  );
  assert.ok(fits > 100, `only ${fits} fit`);
});
