import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { bootstrap, type Door, openDoor, role, zipOf } from "./door.ts";

/**
 * The calls of Terraform's AWS provider for `aws_lambda_function`, as its source makes them (hashicorp/terraform-provider-aws,
 * internal/service/lambda/function.go), and what its next plan compares: whatever an answer adds, leaves out or turns around is a
 * difference that a user sees at every plan.
 */
let door: Door;
before(async () => {
  door = await openDoor();
});
after(() => door[Symbol.asyncDispose]());

type Document = Record<string, unknown>;

async function call(method: string, path: string, body?: Document): Promise<{ status: number; body: Document }> {
  const headers = {
    authorization:
      "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0",
    "user-agent": "APN/1.0 HashiCorp/1.0 Terraform/1.13.5 terraform-provider-aws/6.22.0",
    "content-type": "application/json",
  };
  const answer = await fetch(`${door.endpoint}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === "" ? {} : (JSON.parse(text) as Document) };
}

const functions = "/2015-03-31/functions";

/** Polls as the provider does: GetFunction, for State or LastUpdateStatus. */
async function settled(name: string, field: "State" | "LastUpdateStatus", wanted: string): Promise<Document> {
  for (;;) {
    const { status, body } = await call("GET", `${functions}/${name}`);
    assert.equal(status, 200);
    const configuration = body.Configuration as Document;
    if (configuration[field] === wanted) return body;
    assert.ok(["Pending", "InProgress"].includes(String(configuration[field])), JSON.stringify(configuration));
    await delay(5);
  }
}

/** What a refresh reads; the provider's resourceFunctionRead. */
async function refresh(name: string) {
  const found = await call("GET", `${functions}/${name}`);
  if (found.status === 404) return undefined;
  const versions = await call("GET", `${functions}/${name}/versions?MaxItems=10000`);
  const signing = await call("GET", `/2020-06-30/functions/${name}/code-signing-config`);
  assert.equal(versions.status, 200);
  assert.equal(signing.status, 200);
  assert.equal(signing.body.CodeSigningConfigArn, undefined);
  const { Configuration, Code, Concurrency, Tags } = found.body as Record<string, Document>;
  const rest = Configuration!;
  return { rest, Code: Code!, Concurrency, Tags, versions: versions.body.Versions as Document[] };
}

test("apply, plan without a difference, apply a change, and destroy", async () => {
  const created = await call("POST", functions, {
    FunctionName: "tf",
    Role: role,
    Runtime: "provided.al2023",
    Handler: "bootstrap",
    Code: { ZipFile: bootstrap.toString("base64") },
    Architectures: ["x86_64"],
    Description: "",
    Environment: { Variables: { EMPTY: "", SPACES: "  a  ", UNICODE: "ünï😀", JSON: '{"a":[1]}', LINES: "a\nb" } },
    EphemeralStorage: { Size: 512 },
    MemorySize: 128,
    PackageType: "Zip",
    Publish: false,
    Tags: { Name: "tf" },
    Timeout: 3,
  });
  assert.equal(created.status, 201, JSON.stringify(created.body));
  await settled("tf", "State", "Active");
  const reserved = await call("PUT", "/2017-10-31/functions/tf/concurrency", { ReservedConcurrentExecutions: 2 });
  assert.equal(reserved.status, 200);

  const first = await refresh("tf");
  assert.deepEqual((first!.rest.Environment as Document).Variables, {
    EMPTY: "",
    SPACES: "  a  ",
    UNICODE: "ünï😀",
    JSON: '{"a":[1]}',
    LINES: "a\nb",
  });
  assert.deepEqual(first!.Tags, { Name: "tf" });
  assert.deepEqual(first!.Concurrency, { ReservedConcurrentExecutions: 2 });
  assert.equal(first!.Code.RepositoryType, "S3");
  // Unset stays unset: each of these would be a block in the state that nobody wrote.
  for (const unset of [
    "VpcConfig",
    "DeadLetterConfig",
    "KMSKeyArn",
    "FileSystemConfigs",
    "Layers",
    "ImageConfigResponse",
  ]) {
    assert.equal(first!.rest[unset], undefined, unset);
  }
  assert.deepEqual(first!.rest.TracingConfig, { Mode: "PassThrough" });
  assert.deepEqual(
    first!.versions.map(({ Version }) => Version),
    ["$LATEST"],
  );
  const again = await refresh("tf");
  assert.deepEqual(
    { ...again, Code: { ...again!.Code, Location: "" } },
    { ...first, Code: { ...first!.Code, Location: "" } },
  );

  // A change of configuration, code and publish, in the provider's order.
  const configuration = await call("PUT", `${functions}/tf/configuration`, {
    Description: "changed",
    Environment: { Variables: {} },
    Handler: "bootstrap",
    MemorySize: 256,
    Role: role,
    Runtime: "provided.al2023",
    Timeout: 5,
  });
  assert.equal(configuration.status, 200);
  await settled("tf", "LastUpdateStatus", "Successful");
  const zip = await zipOf({ bootstrap: "#!/bin/sh\nexit 1\n" });
  const code = await call("PUT", `${functions}/tf/code`, {
    ZipFile: zip.toString("base64"),
    Architectures: ["x86_64"],
  });
  assert.equal(code.status, 200);
  await settled("tf", "LastUpdateStatus", "Successful");
  assert.equal((await call("DELETE", "/2017-10-31/functions/tf/concurrency")).status, 204);
  const published = await call("POST", `${functions}/tf/versions`, {});
  assert.equal(published.status, 201);
  assert.equal(published.body.Version, "1");
  const tag = "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Atf";
  assert.equal((await call("DELETE", `${tag}?tagKeys=Name`)).status, 204);

  const second = await refresh("tf");
  assert.deepEqual((second!.rest.Environment as Document | undefined)?.Variables ?? {}, {});
  assert.equal(second!.Concurrency, undefined);
  assert.equal(second!.Tags, undefined);
  assert.equal(second!.rest.Timeout, 5);
  assert.equal(second!.rest.CodeSha256, second!.versions.at(-1)!.CodeSha256);
  assert.deepEqual(
    second!.versions.map(({ Version }) => Version),
    ["$LATEST", "1"],
  );
  // `qualified_arn` is the last version's.
  assert.equal(second!.versions.at(-1)!.FunctionArn, "arn:aws:lambda:us-east-1:000000000000:function:tf:1");

  assert.equal((await call("DELETE", `${functions}/tf`)).status, 204);
  assert.equal(await refresh("tf"), undefined);
});

test("aws_lambda_alias and aws_lambda_permission are read back as they were written", async () => {
  const made = await call("POST", functions, {
    FunctionName: "tf-alias",
    Role: role,
    Runtime: "provided.al2023",
    Handler: "bootstrap",
    Code: { ZipFile: bootstrap.toString("base64") },
    Publish: true,
  });
  assert.equal(made.body.Version, "1");
  await settled("tf-alias", "State", "Active");
  const alias = { Name: "live", FunctionVersion: "1", Description: "" };
  const created = await call("POST", `${functions}/tf-alias/aliases`, alias);
  assert.equal(created.status, 201);
  const read = await call("GET", `${functions}/tf-alias/aliases/live`);
  assert.equal(read.body.AliasArn, "arn:aws:lambda:us-east-1:000000000000:function:tf-alias:live");
  assert.equal(read.body.RoutingConfig, undefined);
  assert.equal(read.body.Description, "");

  const permission = {
    StatementId: "terraform-20261122000000000100000001",
    Action: "lambda:InvokeFunction",
    Principal: "apigateway.amazonaws.com",
    SourceArn: "arn:aws:execute-api:us-east-1:000000000000:a/*/*",
  };
  const added = await call("POST", `${functions}/tf-alias/policy?Qualifier=live`, permission);
  assert.equal(added.status, 201);
  const { body } = await call("GET", `${functions}/tf-alias/policy?Qualifier=live`);
  const [statement] = (JSON.parse(String(body.Policy)) as { Statement: Document[] }).Statement;
  assert.deepEqual(statement, {
    Sid: permission.StatementId,
    Effect: "Allow",
    Principal: { Service: permission.Principal },
    Action: permission.Action,
    Resource: "arn:aws:lambda:us-east-1:000000000000:function:tf-alias:live",
    Condition: { ArnLike: { "AWS:SourceArn": permission.SourceArn } },
  });
  const path = `${functions}/tf-alias/policy/${permission.StatementId}?Qualifier=live`;
  assert.equal((await call("DELETE", path)).status, 204);
  assert.equal((await call("GET", `${functions}/tf-alias/policy?Qualifier=live`)).status, 404);
  assert.equal((await call("DELETE", `${functions}/tf-alias/aliases/live`)).status, 204);
  assert.equal((await call("GET", `${functions}/tf-alias/aliases/live`)).status, 404);
});
