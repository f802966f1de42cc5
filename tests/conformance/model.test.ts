import assert from "node:assert/strict";
import { test } from "node:test";
import { lowerCaseMessage } from "../../src/edge/answer.ts";
import { serviceModel } from "../../src/edge/lambda-api/model.ts";
import { operations } from "../../src/edge/lambda-api/operations/index.ts";
import { createRouter } from "../../src/edge/lambda-api/routes.ts";
import { errorTable } from "../../src/model/index.ts";

const model = serviceModel();

test("every operation of the model is found by its own method and path, with its labels decoded", () => {
  const router = createRouter(model);
  const label = "arn:aws:lambda:us-east-1:000000000000:function:f/x";
  assert.ok(Object.keys(model.operations).length >= 88);
  for (const [name, { method, path }] of Object.entries(model.operations)) {
    const filled = path.replace(/\{\w+\}/g, encodeURIComponent(label));
    const [bare = "", query = ""] = filled.split("?");
    const match = router(method, bare, new URLSearchParams(query));
    assert.equal(match?.operation, name, `${method} ${path}`);
    assert.ok(Object.values(match!.labels).every((value) => value === label));
    assert.equal(router(method, `${bare}/`, new URLSearchParams(query))?.operation, name, "with a slash at the end");
    assert.equal(router("PATCH", bare, new URLSearchParams(query)), undefined);
  }
});

test("every operation that is served is one of the model", async () => {
  for (const [name, load] of Object.entries(operations)) {
    assert.ok(model.operations[name], name);
    assert.equal(typeof (await load()), "function", name);
  }
});

test("errors have the status, and spell their message, as the model says", () => {
  for (const [code, kind] of Object.entries(errorTable)) {
    const shape = model.shapes[code];
    if (shape === undefined) continue;
    assert.equal(kind.status, shape.error!.httpStatusCode, code);
    assert.equal(lowerCaseMessage.has(code), shape.members!.message !== undefined, code);
  }
});
