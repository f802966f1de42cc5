import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandFailure } from "./failure.ts";
import { connection, keyValues, spanMs, wholeNumber } from "./settings.ts";

test("the endpoint is the flag's, else the service's variable, else the general one, else the default", () => {
  const env = { AWS_ENDPOINT_URL_LAMBDA: "http://b:2", AWS_ENDPOINT_URL: "http://c:3" };
  assert.equal(connection({ endpoint: "http://a:1" }, env).endpoint, "http://a:1");
  assert.equal(connection({}, env).endpoint, "http://b:2");
  assert.equal(connection({}, { AWS_ENDPOINT_URL: "http://c:3/" }).endpoint, "http://c:3");
  assert.equal(connection({}, {}).endpoint, "http://127.0.0.1:4566");
});

test("a twelve-digit access key id is the account", () => {
  assert.equal(connection({}, { AWS_ACCESS_KEY_ID: "123456789012" }).account, "123456789012");
  assert.equal(connection({}, { AWS_ACCESS_KEY_ID: "AKIA" }).account, "000000000000");
});

const wrong: readonly (readonly [string, () => unknown, RegExp])[] = [
  [
    "an endpoint without a scheme",
    () => connection({ endpoint: "localhost:4566" }, {}),
    /"localhost:4566" of --endpoint/,
  ],
  ["an endpoint in a variable", () => connection({}, { AWS_ENDPOINT_URL: "ftp://x" }), /of AWS_ENDPOINT_URL/],
  [
    "a memory size of text",
    () => wholeNumber("--memory", "1GB", { min: 128, max: 10240, unit: "MB" }),
    /--memory is "1GB".*128 to 10240 MB/,
  ],
  ["a memory size too small", () => wholeNumber("--memory", "64", { min: 128, max: 10240 }), /--memory is "64"/],
  ["a variable without =", () => keyValues("--env", ["A"]), /--env is "A".*KEY=VALUE/],
  ["a span without unit", () => spanMs("--since", "10"), /--since is "10".*10m/],
];

for (const [name, act, message] of wrong) {
  test(`${name} is a usage failure that names the flag and the value`, () => {
    assert.throws(act, (error: unknown) => {
      assert.ok(error instanceof CommandFailure);
      assert.equal(error.exitCode, 2);
      assert.match(error.message, message);
      return true;
    });
  });
}

test("values may hold = and be empty, spans have units", () => {
  assert.deepEqual(keyValues("--env", ["A=b=c", "E="]), { A: "b=c", E: "" });
  assert.equal(spanMs("--since", "1.5h"), 5_400_000);
});
