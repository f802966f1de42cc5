import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { type Member, type Shape, serviceModel } from "../../src/edge/lambda-api/model.ts";
import { operations } from "../../src/edge/lambda-api/operations/index.ts";
import fc from "../properties.ts";
import { bootstrap, type Door, openDoor, role } from "./door.ts";

const model = serviceModel();
let door: Door;

before(async () => {
  door = await openDoor();
});
after(() => door[Symbol.asyncDispose]());

/** Some operations delete it. */
beforeEach(async () => {
  await send("DELETE", "/2015-03-31/functions/f");
  const made = await send("POST", "/2015-03-31/functions", {
    FunctionName: "f",
    Role: role,
    Runtime: "provided.al2023",
    Handler: "h",
    Code: { ZipFile: bootstrap.toString("base64") },
    Publish: true,
  });
  assert.equal(made.status, 201);
  const alias = { Name: "live", FunctionVersion: "1" };
  assert.equal((await send("POST", "/2015-03-31/functions/f/aliases", alias)).status, 201);
});

const send = (method: string, target: string, body?: unknown) =>
  fetch(door.endpoint + target, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });

/** All that a refused request must leave as it was. How far preparation has come is not part of it. */
function state(): string {
  const { functions, layers } = door.registry;
  const entries = [...functions.everything()].map(({ record, latest, versions, aliases, provisioned }) => ({
    record,
    latest: latest.fingerprint,
    versions: [...versions.values()].map((version) => [version.version, version.fingerprint]),
    aliases: [...aliases.values()],
    provisioned: [...provisioned.values()],
    policies: [undefined, "1", "live"].map((part) => door.registry.functionPolicies.get(record, record.name, part)),
    signing: door.registry.functionCodeSigning.get(record, record.name),
  }));
  const { codeSigning, eventInvoke, urls, runtimeManagement, recursion, mappings } = door.registry;
  const rest = [layers, codeSigning, eventInvoke, urls, runtimeManagement, recursion, mappings];
  return JSON.stringify([entries, ...rest.map((kind) => [...kind.everything()])]);
}

const odd = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom(
    "",
    " ",
    "\0",
    "f",
    "f:1",
    "$LATEST",
    "../..",
    "__proto__",
    "ünï😀",
    "x".repeat(300),
    "x".repeat(30_000),
    "-1",
  ),
  fc.integer(),
  fc.double(),
  fc.constantFrom(null, true, false, 2 ** 53, -1, 0, 1.5),
  fc.constantFrom<unknown>([], {}, [[]], [null], { a: null }, { __proto__: 1 }),
);

/** Values of a shape: mostly such as fit it, now and then something else altogether. */
function arbitraryOf(shape: Shape, name: string, depth: number): fc.Arbitrary<unknown> {
  return fc.oneof({ arbitrary: fitting(shape, name, depth), weight: 4 }, { arbitrary: odd, weight: 1 });
}

function fitting(shape: Shape, name: string, depth: number): fc.Arbitrary<unknown> {
  const inner = (member: Member) => arbitraryOf(model.shapes[member.shape]!, member.shape, depth + 1);
  switch (shape.type) {
    case "structure":
      return depth > 3 ? fc.constant({}) : structure(shape, depth);
    case "list":
      return fc.array(inner(shape.member!), { maxLength: 3 });
    case "map":
      return fc.dictionary(fc.oneof(fc.constantFrom("A1", "thaw:egress", "1"), fc.string()), inner(shape.value!), {
        maxKeys: 3,
      });
    case "boolean":
      return fc.boolean();
    case "integer":
    case "long":
      return fc.integer({ min: (shape.min ?? 0) - 1, max: Math.min((shape.max ?? 1000) + 1, 100_000) });
    case "double":
      return fc.double({ min: 0, max: 1, noNaN: true });
    case "blob":
      return fc.constantFrom(bootstrap.toString("base64"), "", "!", "AAAA");
    default:
      return fc.constantFrom(...(shape.enum ?? samples[name] ?? ["a", "f", "1"]));
  }
}

const policy = JSON.stringify({
  Statement: { Effect: "Allow", Principal: "*", Action: "lambda:InvokeFunction", Resource: "*" },
});

const samples: Readonly<Record<string, readonly string[]>> = {
  AnyRuntime: ["provided.al2023", "nodejs22.x", "nodejs99.x"],
  RoleArn: [role, "x"],
  TaggableResource: [
    "arn:aws:lambda:us-east-1:000000000000:function:f",
    "arn:aws:lambda:us-east-1:000000000000:function:g",
  ],
  LayerVersionArn: ["arn:aws:lambda:us-east-1:000000000000:layer:a:1"],
  PolicyResourceArn: [
    "arn:aws:lambda:us-east-1:000000000000:function:f",
    "arn:aws:lambda:us-east-1:000000000000:function:f:live",
  ],
  ResourcePolicy: ["{}", '{"Statement":[]}', policy],
  Principal: ["*", "111111111111", "s3.amazonaws.com", "arn:aws:iam::111111111111:role/r", "nobody"],
  Arn: [
    "arn:aws:sqs:us-east-1:000000000000:q",
    "arn:aws:sqs:us-east-1:000000000000:q.fifo",
    "arn:aws:kinesis:us-east-1:000000000000:stream/s",
    "arn:aws:kafka:us-east-1:000000000000:cluster/c/1",
    "arn:aws:mq:us-east-1:000000000000:broker:b:1",
    "arn:aws:s3:::b",
  ],
  DestinationArn: [
    "arn:aws:sqs:us-east-1:000000000000:q",
    "arn:aws:s3:::b",
    "arn:aws:lambda:us-east-1:000000000000:function:f",
    "",
  ],
  Pattern: ['{"a":["b"]}', '{"a":[{"numeric":["=",1]}]}', '{"a":[{"anything-but":{}}]}', "[]", "x"],
  NamespacedFunctionName: ["f", "f:live", "f:1", "g", "arn:aws:lambda:us-east-1:000000000000:function:f"],
  Action: ["lambda:InvokeFunction", "lambda:*", "*", "s3:GetObject"],
  StatementId: ["s", "t"],
  NamespacedStatementId: ["s", "t"],
  LayerPermissionAllowedAction: ["lambda:GetLayerVersion"],
  LayerPermissionAllowedPrincipal: ["*", "111111111111", "arn:aws:iam::111111111111:root"],
  CodeSigningConfigArn: ["arn:aws:lambda:us-east-1:000000000000:code-signing-config:csc-0123456789abcdef0"],
};

function structure(shape: Shape, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const members = Object.entries(shape.members ?? {}).map(([name, member]) => {
    const value = arbitraryOf(model.shapes[member.shape]!, member.shape, depth);
    const wanted = shape.required?.includes(name) === true;
    return [name, wanted ? { arbitrary: value, present: 9 } : { arbitrary: value, present: 3 }] as const;
  });
  const record = Object.fromEntries(
    members.map(([name, { arbitrary, present }]) => [
      name,
      fc.oneof({ arbitrary, weight: present }, { arbitrary: fc.constant(undefined), weight: 10 - present }),
    ]),
  );
  return fc.record(record);
}

/** Requests that succeed: with one or two members made odd they get past the first check. */
const bases: Readonly<Record<string, Record<string, unknown>>> = {
  CreateFunction: {
    FunctionName: "g",
    Role: role,
    Runtime: "provided.al2023",
    Handler: "h",
    Code: { ZipFile: bootstrap.toString("base64") },
  },
  CreateAlias: { FunctionName: "f", Name: "a", FunctionVersion: "1" },
  UpdateAlias: { FunctionName: "f", Name: "live" },
  UpdateFunctionCode: { FunctionName: "f", ZipFile: bootstrap.toString("base64") },
  UpdateFunctionConfiguration: { FunctionName: "f" },
  DeleteFunction: { FunctionName: "f", Qualifier: "1" },
  PublishLayerVersion: { LayerName: "a", Content: { ZipFile: bootstrap.toString("base64") } },
  GetLayerVersion: { LayerName: "a", VersionNumber: 1 },
  DeleteLayerVersion: { LayerName: "a", VersionNumber: 1 },
  AddPermission: { FunctionName: "f", StatementId: "s", Action: "lambda:InvokeFunction", Principal: "*" },
  RemovePermission: { FunctionName: "f", StatementId: "s" },
  PutResourcePolicy: { ResourceArn: "arn:aws:lambda:us-east-1:000000000000:function:f", Policy: policy },
  AddLayerVersionPermission: {
    LayerName: "a",
    VersionNumber: 1,
    StatementId: "s",
    Action: "lambda:GetLayerVersion",
    Principal: "*",
  },
  CreateEventSourceMapping: { FunctionName: "f", EventSourceArn: "arn:aws:sqs:us-east-1:000000000000:q" },
  PutFunctionEventInvokeConfig: { FunctionName: "f", MaximumRetryAttempts: 1 },
  UpdateFunctionEventInvokeConfig: { FunctionName: "f", MaximumRetryAttempts: 1 },
  CreateFunctionUrlConfig: { FunctionName: "f", AuthType: "NONE" },
  UpdateFunctionUrlConfig: { FunctionName: "f", AuthType: "NONE" },
  PutRuntimeManagementConfig: { FunctionName: "f", UpdateRuntimeOn: "Auto" },
  PutFunctionRecursionConfig: { FunctionName: "f", RecursiveLoop: "Allow" },
  CreateCodeSigningConfig: {
    AllowedPublishers: { SigningProfileVersionArns: ["arn:aws:signer:us-east-1:000000000000:/signing-profiles/p/1"] },
  },
};

function inputOf(operation: string): fc.Arbitrary<Record<string, unknown>> {
  const shape = model.shapes[model.operations[operation]!.input!]!;
  const names = Object.keys(shape.members ?? {});
  const base = bases[operation];
  if (base === undefined || names.length === 0) return structure(shape, 0);
  const changes = fc.dictionary(fc.constantFrom(...names), fc.constant(undefined), { maxKeys: 2 }).chain((chosen) =>
    fc.record(
      Object.fromEntries(
        Object.keys(chosen).map((name) => {
          const { shape: member } = shape.members![name]!;
          return [name, arbitraryOf(model.shapes[member]!, member, 0)];
        }),
      ),
    ),
  );
  return fc.oneof(
    structure(shape, 0),
    changes.map((changed) => ({ ...base, ...changed })),
  );
}

function request(operation: string, input: Record<string, unknown>) {
  const { method, path, input: shapeName } = model.operations[operation]!;
  const body: Record<string, unknown> = {};
  const query = new URLSearchParams(path.split("?")[1]);
  let target = path.split("?")[0]!;
  for (const [name, { location, locationName = name }] of Object.entries(model.shapes[shapeName!]!.members ?? {})) {
    const value = input[name];
    if (location === "uri") {
      const label = String(value ?? "f");
      const text = label.isWellFormed() ? label.slice(0, 2000) : "f";
      target = target.replace(`{${locationName}}`, encodeURIComponent(text) || "f");
    } else if (location === "querystring") {
      for (const item of [value].flat())
        if (item !== undefined) query.append(locationName, String(item).slice(0, 2000));
    } else if (location === undefined && value !== undefined) {
      body[name] = value;
    }
  }
  const more = query.size === 0 ? "" : `?${query}`;
  return { method, target: target + more, body: method === "GET" || method === "DELETE" ? undefined : body };
}

for (const operation of Object.keys(operations)) {
  test(`${operation} answers anything with a success or AWS's kind of refusal, and a refusal changes nothing`, async () => {
    await fc.assert(
      fc.asyncProperty(inputOf(operation), async (given) => {
        const { method, target, body } = request(operation, given);
        const was = state();
        const answer = await send(method, target, body);
        const text = await answer.text();
        assert.deepEqual(door.reported, [], text);
        if (answer.ok) {
          // Else the next one would only hear that it exists already.
          await send("DELETE", "/2015-03-31/functions/g");
          return;
        }
        assert.ok((answer.status >= 400 && answer.status < 500) || answer.status === 501, `${answer.status} ${text}`);
        const refusal = JSON.parse(text) as Record<string, unknown>;
        assert.match(answer.headers.get("x-amzn-errortype")!, /^[A-Z]\w+Exception$/);
        assert.ok(typeof (refusal.message ?? refusal.Message) === "string", text);
        assert.equal(state(), was);
      }),
      { numRuns: 40 },
    );
  });
}

test("bodies that are no JSON object are refused with SerializationException", async () => {
  const bodies = [
    "{",
    "[]",
    "1",
    "null",
    '"x"',
    Buffer.from([0xff, 0xfe]),
    `${"[".repeat(100_000)}`,
    '{"FunctionName":1}',
  ];
  for (const body of bodies) {
    const answer = await fetch(`${door.endpoint}/2015-03-31/functions`, { method: "POST", body });
    assert.equal(answer.status, 400);
    assert.equal(answer.headers.get("x-amzn-errortype"), "SerializationException");
    assert.equal(typeof ((await answer.json()) as { message: string }).message, "string");
  }
});
