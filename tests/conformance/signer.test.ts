import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ServiceModel } from "../../src/edge/lambda-api/model.ts";
import fc from "../properties.ts";
import { bootstrap, type Door, openDoor } from "./door.ts";

/** AWS Signer's doors: whatever comes, AWS's kind of refusal, and nothing changed by it. */
const file = join(import.meta.dirname, "../../src/edge/aws/signer/generated/model.json");
const model = JSON.parse(readFileSync(file, "utf8")) as ServiceModel;
const authorization = "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/signer/aws4_request, Signature=0";
let door: Door;

before(async () => {
  door = await openDoor();
  const made = await send("PUT", "/signing-profiles/team", { platformId: "AWSLambda-SHA384-ECDSA" });
  assert.equal(made.status, 200);
});
after(() => door[Symbol.asyncDispose]());

const send = (method: string, target: string, body?: unknown) =>
  fetch(door.endpoint + target, {
    method,
    headers: { authorization, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });

const state = () =>
  JSON.stringify(["signing-profile", "signing-job"].map((kind) => [...door.registry.named(kind).everything()]));

const odd = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom(
    "",
    "team",
    "../..",
    "__proto__",
    "x".repeat(300),
    "arn:aws:signer:us-east-1:000000000000:/signing-profiles/team",
  ),
  fc.constantFrom<unknown>(null, true, -1, 0, 1.5, 2 ** 53, [], {}, [[]], { a: null }, { __proto__: 1 }),
  fc.constantFrom<unknown>(bootstrap.toString("base64"), "application/zip", "AWSLambda-SHA384-ECDSA", "Active"),
  fc.constantFrom<unknown>({ s3: { bucketName: "b", key: "k", version: "v" } }, { value: 1, type: "DAYS" }, { s3: {} }),
);

for (const [name, { method, path, input }] of Object.entries(model.operations)) {
  test(`${name} answers anything with a success or a refusal that changes nothing`, async () => {
    const members = Object.entries(model.shapes[input!]!.members ?? {});
    const given = fc.record(Object.fromEntries(members.map(([member]) => [member, odd])), { requiredKeys: [] });
    await fc.assert(
      fc.asyncProperty(given, async (values) => {
        const body: Record<string, unknown> = {};
        const query = new URLSearchParams();
        let target = path;
        for (const [member, { location, locationName = member }] of members) {
          const value = (values as Record<string, unknown>)[member];
          if (location === "uri") {
            const text = String(value ?? "team");
            target = target.replace(`{${locationName}}`, encodeURIComponent(text.isWellFormed() ? text : "x") || "x");
          } else if (location === "querystring") {
            if (value !== undefined) query.append(locationName, String(value));
          } else if (value !== undefined) {
            body[member] = value;
          }
        }
        const was = state();
        const bodiless = method === "GET" || method === "DELETE";
        const answer = await send(method, `${target}?${query}`, bodiless ? undefined : body);
        const text = await answer.text();
        assert.deepEqual(door.reported, [], text);
        if (answer.ok) return;
        assert.ok((answer.status >= 400 && answer.status < 500) || answer.status === 501, `${answer.status} ${text}`);
        assert.match(answer.headers.get("x-amzn-errortype")!, /^[A-Z]\w+Exception$/);
        assert.equal(typeof JSON.parse(text).message, "string");
        assert.equal(state(), was);
      }),
      { numRuns: 40 },
    );
  });
}

test("a body cut off anywhere is refused", async () => {
  const whole = JSON.stringify({ platformId: "AWSLambda-SHA384-ECDSA", tags: { a: "b" } });
  for (let length = 1; length < whole.length; length += 1) {
    const answer = await send("PUT", "/signing-profiles/other", whole.slice(0, length));
    assert.equal(answer.status, 400, whole.slice(0, length));
  }
  assert.equal((await send("GET", "/signing-profiles/other")).status, 404);
  assert.equal((await send("GET", "/nothing-of-the-signer")).status, 404);
});
