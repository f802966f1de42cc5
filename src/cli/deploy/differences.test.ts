import assert from "node:assert/strict";
import { test } from "node:test";
import type { FunctionConfiguration } from "../lambda.ts";
import { differences } from "./differences.ts";

const current: FunctionConfiguration = {
  FunctionName: "f",
  FunctionArn: "arn",
  Runtime: "nodejs22.x",
  MemorySize: 256,
  Timeout: 3,
  Architectures: ["x86_64"],
  Environment: { Variables: { A: "1", B: "2" } },
  Layers: [{ Arn: "arn:layer:1" }],
  LoggingConfig: { LogFormat: "Text", LogGroup: "/aws/lambda/f" },
};

test("nothing differs when every wished member is there, as an answer spells it", () => {
  const wished = {
    Runtime: "nodejs22.x",
    MemorySize: 256,
    Layers: ["arn:layer:1"],
    Environment: { Variables: { B: "2", A: "1" } },
    LoggingConfig: { LogFormat: "Text" },
    Architectures: ["x86_64"],
  };
  assert.deepEqual(differences(current, wished, true), { changes: [], settings: {}, architectures: undefined });
});

test("only what differs is sent", () => {
  const { settings, changes } = differences(current, { MemorySize: 512, Timeout: 3 }, false);
  assert.deepEqual(settings, { MemorySize: 512 });
  assert.deepEqual(changes, [{ member: "MemorySize", from: 256, to: 512 }]);
});

test("a variable too many is a difference", () => {
  const { settings } = differences(current, { Environment: { Variables: { A: "1" } } }, false);
  assert.deepEqual(settings, { Environment: { Variables: { A: "1" } } });
});

test("what a whole description leaves out goes back to Lambda's default; a partial one leaves it", () => {
  const whole = differences(current, { Runtime: "nodejs22.x" }, true).settings;
  assert.deepEqual(whole, { MemorySize: 128, Environment: { Variables: {} }, Layers: [] });
  assert.deepEqual(differences(current, { Runtime: "nodejs22.x" }, false).settings, {});
});

test("architectures go with the code, not with the configuration", () => {
  const { settings, architectures } = differences(current, { Architectures: ["arm64"] }, false);
  assert.deepEqual(settings, {});
  assert.deepEqual(architectures, ["arm64"]);
});
