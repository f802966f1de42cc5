import assert from "node:assert/strict";
import { test } from "node:test";
import { ServiceError } from "../../model/index.ts";
import { serviceModel } from "./model.ts";
import { validate } from "./validate.ts";

const model = serviceModel();
const role = "arn:aws:iam::000000000000:role/r";
const minimal = { FunctionName: "f", Role: role, Code: {} };
const create = (more: object) => validate(model, "CreateFunctionRequest", { ...minimal, ...more });

function message(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    assert.ok(error instanceof ServiceError);
    return `${error.code}: ${error.message}`;
  }
  return "no error";
}

test("a good request comes back typed, without what the model does not know and what is null", () => {
  const decoded = create({ Code: { ZipFile: "AAEC" }, Extra: 1, Description: null, Timeout: 5 });
  assert.deepEqual(decoded, { FunctionName: "f", Role: role, Code: { ZipFile: Buffer.from([0, 1, 2]) }, Timeout: 5 });
});

test("every missing member is named", () => {
  assert.equal(
    message(() => validate(model, "CreateFunctionRequest", {})),
    "ValidationException: 3 validation errors detected: Value null at 'functionName' failed to satisfy constraint: Member must not be null; Value null at 'role' failed to satisfy constraint: Member must not be null; Value null at 'code' failed to satisfy constraint: Member must not be null",
  );
});

test("a wrong element makes the list wrong, with all that an element must be", () => {
  assert.equal(
    message(() => create({ Architectures: ["x86_64", "mips"] })),
    "ValidationException: 2 validation errors detected: Value '[x86_64, mips]' at 'architectures' failed to satisfy constraint: Member must have length less than or equal to 1; Value '[x86_64, mips]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]",
  );
});

test("members of members are named by their path", () => {
  assert.match(
    message(() => create({ EphemeralStorage: { Size: 1 } })),
    /Value '1' at 'ephemeralStorage.size' failed to satisfy constraint: Member must have value greater than or equal to 512$/,
  );
});

test("environment variables are secrets and stay out of messages", () => {
  const text = message(() => create({ Environment: { Variables: { "1bad": "secret" } } }));
  assert.match(text, /Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy/);
  assert.doesNotMatch(text, /secret/);
});

test("wrong types are SerializationException", () => {
  const cases = [
    [{ Timeout: "5" }, "STRING_VALUE can not be converted to an Integer"],
    [{ Timeout: 1.5 }, "NUMBER_VALUE can not be converted to an Integer"],
    [{ Description: 5 }, "NUMBER_VALUE can not be converted to a String"],
    [{ Description: {} }, "Start of structure or map found where not expected."],
    [{ Publish: "true" }, "STRING_VALUE can not be converted to a Boolean"],
    [{ Code: { ZipFile: "not base64" } }, "STRING_VALUE can not be converted to a Blob"],
    [{ Code: { ZipFile: "AAEC=A==" } }, "STRING_VALUE can not be converted to a Blob"],
    [{ Layers: "x" }, "Unexpected field type"],
  ] as const;
  for (const [more, text] of cases)
    assert.equal(
      message(() => create(more)),
      `SerializationException: ${text}`,
    );
});

test("a text of megabytes is refused at once and not repeated in full", () => {
  const began = performance.now();
  const text = message(() => create({ Handler: "x".repeat(20_000_000), Role: "arn:aws:iam::".repeat(500_000) }));
  assert.match(text, /Member must have length less than or equal to 128/);
  assert.ok(text.length < 10_000);
  // Backtracking over megabytes would take minutes.
  assert.ok(performance.now() - began < 10_000);
});

test("every pattern of the model is one that can be compiled", () => {
  for (const [name, shape] of Object.entries(model.shapes)) {
    if (shape.type !== "string" || shape.pattern === undefined) continue;
    assert.doesNotThrow(() => {
      try {
        validate(
          { ...model, shapes: { ...model.shapes, Probe: { type: "structure", members: { Text: { shape: name } } } } },
          "Probe",
          {
            Text: "probe",
          },
        );
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
      }
    }, name);
  }
});
