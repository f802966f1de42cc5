import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import {
  BatchDeleteImageCommand,
  BatchGetImageCommand,
  CompleteLayerUploadCommand,
  CreateRepositoryCommand,
  DeleteRepositoryCommand,
  DescribeImagesCommand,
  DescribeRepositoriesCommand,
  ECRClient,
  GetAuthorizationTokenCommand,
  GetDownloadUrlForLayerCommand,
  GetLifecyclePolicyCommand,
  InitiateLayerUploadCommand,
  ListImagesCommand,
  ListTagsForResourceCommand,
  PutImageCommand,
  PutLifecyclePolicyCommand,
  SetRepositoryPolicyCommand,
  TagResourceCommand,
  UploadLayerPartCommand,
} from "@aws-sdk/client-ecr";
import {
  CreateFunctionCommand,
  type LambdaClient,
  UpdateFunctionCodeCommand,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import { type BuiltImage, buildImage, writeLayout } from "../../src/artifacts/container/testing.ts";
import { noBusybox, shellImage } from "./images.ts";
import { answerOf, lambdaOf, role, updated } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** Repositories of images on the platform, pushed to by clients that know the distribution specification only. */
let server: Server;
let ecr: ECRClient;
let lambda: LambdaClient;
const folder = mkdtempSync(join(tmpdir(), "thaw-ecr-"));

before(async () => {
  server = await startServer();
  ecr = clientOf("000000000000");
  lambda = lambdaOf(server);
});
after(async () => {
  ecr.destroy();
  lambda.destroy();
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const clientOf = (accessKeyId: string) =>
  new ECRClient({
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId, secretAccessKey: "test" },
    maxAttempts: 1,
  });

const host = () => new URL(server.endpoint).host;
const at = (path: string) => `${server.endpoint}/v2/${path}`;
const sha256 = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** Pushes each blob in two chunks, then the manifest, as the specification has it. */
async function push(image: BuiltImage, repository: string, tag: string, headers: Record<string, string> = {}) {
  for (const [digest, bytes] of image.blobs) {
    if (digest === image.digest) continue;
    const begun = await fetch(at(`${repository}/blobs/uploads/`), { method: "POST", headers });
    assert.equal(begun.status, 202, await begun.text());
    const location = new URL(begun.headers.get("location")!, server.endpoint);
    const half = Math.floor(bytes.length / 2);
    for (const [from, until] of [
      [0, half],
      [half, bytes.length],
    ] as const) {
      const range = { ...headers, "content-range": `${from}-${until - 1}`, "content-type": "application/octet-stream" };
      const sent = await fetch(location, {
        method: "PATCH",
        headers: range,
        body: new Uint8Array(bytes.subarray(from, until)),
      });
      assert.equal(sent.status, 202, await sent.text());
      assert.equal(sent.headers.get("range"), `0-${until - 1}`);
    }
    location.searchParams.set("digest", digest);
    const ended = await fetch(location, { method: "PUT", headers });
    assert.equal(ended.status, 201, await ended.text());
  }
  const type = { ...headers, "content-type": JSON.parse(image.manifest.toString()).mediaType as string };
  const put = await fetch(at(`${repository}/manifests/${tag}`), {
    method: "PUT",
    headers: type,
    body: new Uint8Array(image.manifest),
  });
  assert.equal(put.status, 201, await put.text());
  assert.equal(put.headers.get("docker-content-digest"), image.digest);
}

const small = (text: string) => buildImage({ layers: [[["file", text]]] });
const create = (repositoryName: string) => ecr.send(new CreateRepositoryCommand({ repositoryName }));

async function errorOf(response: Response): Promise<{ status: number; code: string }> {
  const { errors } = (await response.json()) as { errors: { code: string }[] };
  return { status: response.status, code: errors[0]!.code };
}

test("an image that was pushed here runs as a function, by ECR's name and by the platform's own", async (t) => {
  if (noBusybox) return t.skip(noBusybox);
  if (server.driver !== "container") return t.skip("only containers have a root of their own");
  const { repository } = await create("team/shell");
  assert.equal(repository?.repositoryUri, `${host()}/team/shell`);
  assert.equal(repository?.repositoryArn, "arn:aws:ecr:us-east-1:000000000000:repository/team/shell");
  const image = await shellImage({ greeting: "pushed" });
  await push(image, "team/shell", "v1");
  const uris = {
    byEcr: "000000000000.dkr.ecr.us-east-1.amazonaws.com/team/shell:v1",
    byHost: `${repository.repositoryUri}:v1`,
    byDigest: `localhost:${server.port}/team/shell@${image.digest}`,
  };
  for (const [FunctionName, ImageUri] of Object.entries(uris)) {
    const made = await lambda.send(
      new CreateFunctionCommand({ FunctionName, Role: role, PackageType: "Image", Code: { ImageUri }, Timeout: 20 }),
    );
    assert.equal(made.CodeSha256, image.digest.slice(7));
    await waitUntilFunctionActiveV2(
      { client: lambda, maxWaitTime: 30, minDelay: 0.1, maxDelay: 0.2 },
      { FunctionName },
    );
    assert.equal((await answerOf(lambda, FunctionName)).greeting, "pushed");
  }
  await push(await shellImage({ greeting: "changed" }), "team/shell", "v1");
  await lambda.send(new UpdateFunctionCodeCommand({ FunctionName: "byEcr", ImageUri: uris.byEcr }));
  await updated(lambda, "byEcr");
  assert.equal((await answerOf(lambda, "byEcr")).greeting, "changed");
  await ecr.send(new DeleteRepositoryCommand({ repositoryName: "team/shell", force: true }));
  assert.equal((await answerOf(lambda, "byHost")).greeting, "pushed");
});

test("an image is pushed, copied and pulled by skopeo", async (t) => {
  const run = promisify(execFile);
  const version = await run("skopeo", ["--version"]).catch(() => undefined);
  if (version === undefined) return t.skip("skopeo is not installed");
  await create("copied/one");
  await create("copied/two");
  writeLayout(join(folder, "sent"), await small("from a layout"), "v1");
  const { authorizationData } = await ecr.send(new GetAuthorizationTokenCommand());
  const [user, password] = Buffer.from(authorizationData![0]!.authorizationToken!, "base64").toString().split(":");
  const login = (side: string) => [`--${side}-creds`, `${user}:${password}`, `--${side}-tls-verify=false`];
  const skopeo = (...args: string[]) => run("skopeo", ["--insecure-policy", "copy", ...args]);
  const [one, two] = [`docker://${host()}/copied/one:v1`, `docker://${host()}/copied/two:v2`];
  await skopeo(...login("dest"), `oci:${join(folder, "sent")}:v1`, one);
  await skopeo(...login("src"), ...login("dest"), one, two);
  await skopeo("--src-tls-verify=false", two, `oci:${join(folder, "got")}:v2`);
  const { imageDetails } = await ecr.send(new DescribeImagesCommand({ repositoryName: "copied/two" }));
  const sent = JSON.parse((await run("skopeo", ["inspect", "--raw", `oci:${join(folder, "sent")}:v1`])).stdout);
  const got = JSON.parse((await run("skopeo", ["inspect", "--raw", `oci:${join(folder, "got")}:v2`])).stdout);
  assert.deepEqual(got.layers, sent.layers);
  assert.deepEqual(imageDetails?.[0]?.imageTags, ["v2"]);
});

test("the registry does as the distribution specification says", async () => {
  await create("spec");
  await create("spec-other");
  const image = await small("spec");
  await push(image, "spec", "v1");
  const base = await fetch(`${server.endpoint}/v2/`);
  assert.deepEqual([base.status, base.headers.get("docker-distribution-api-version")], [200, "registry/2.0"]);
  const byTag = await fetch(at("spec/manifests/v1"));
  assert.deepEqual(Buffer.from(await byTag.arrayBuffer()), image.manifest);
  assert.equal(byTag.headers.get("content-type"), JSON.parse(image.manifest.toString()).mediaType);
  const head = await fetch(at(`spec/manifests/${image.digest}`), { method: "HEAD" });
  assert.deepEqual([head.status, head.headers.get("content-length")], [200, String(image.manifest.length)]);

  const [digest, bytes] = [...image.blobs].find(([name]) => name !== image.digest)!;
  const range = await fetch(at(`spec/blobs/${digest}`), { headers: { range: "bytes=3-" } });
  assert.deepEqual(
    [range.status, range.headers.get("content-range")],
    [206, `bytes 3-${bytes.length - 1}/${bytes.length}`],
  );
  assert.deepEqual(Buffer.from(await range.arrayBuffer()), bytes.subarray(3));
  const beyond = await fetch(at(`spec/blobs/${digest}`), { headers: { range: `bytes=${bytes.length}-` } });
  assert.equal(beyond.status, 416);

  assert.deepEqual(await errorOf(await fetch(at(`spec-other/blobs/${digest}`))), { status: 404, code: "BLOB_UNKNOWN" });
  const mounted = await fetch(at(`spec-other/blobs/uploads/?mount=${digest}&from=spec`), { method: "POST" });
  assert.equal(mounted.status, 201);
  assert.equal((await fetch(at(`spec-other/blobs/${digest}`), { method: "HEAD" })).status, 200);
  const unknown = await fetch(at(`spec-other/blobs/uploads/?mount=${sha256(Buffer.from("?"))}&from=spec`), {
    method: "POST",
  });
  assert.equal(unknown.status, 202);

  const whole = new Uint8Array(Buffer.from("all at once"));
  const once = await fetch(at(`spec/blobs/uploads/?digest=${sha256(whole)}`), { method: "POST", body: whole });
  assert.equal(once.status, 201);
  assert.equal(await (await fetch(at(`spec/blobs/${sha256(whole)}`))).text(), "all at once");
  const lie = await fetch(at(`spec/blobs/uploads/?digest=${sha256(Buffer.from("?"))}`), {
    method: "POST",
    body: whole,
  });
  assert.deepEqual(await errorOf(lie), { status: 400, code: "DIGEST_INVALID" });

  const begun = await fetch(at("spec/blobs/uploads/"), { method: "POST" });
  const location = new URL(begun.headers.get("location")!, server.endpoint);
  const gap = await fetch(location, { method: "PATCH", headers: { "content-range": "5-15" }, body: whole });
  assert.deepEqual(await errorOf(gap), { status: 416, code: "BLOB_UPLOAD_INVALID" });
  assert.equal((await fetch(location)).status, 204);
  assert.equal((await fetch(location, { method: "DELETE" })).status, 204);
  assert.deepEqual(await errorOf(await fetch(location)), { status: 404, code: "BLOB_UPLOAD_UNKNOWN" });

  for (const tag of ["a", "b", "c"]) await push(image, "spec", tag);
  const tags = await fetch(at("spec/tags/list?n=2"));
  assert.deepEqual(await tags.json(), { name: "spec", tags: ["a", "b"] });
  assert.equal(tags.headers.get("link"), '</v2/spec/tags/list?n=2&last=b>; rel="next"');
  assert.deepEqual(await (await fetch(at("spec/tags/list?n=2&last=b"))).json(), { name: "spec", tags: ["c", "v1"] });
  assert.equal((await fetch(at("spec/manifests/a"), { method: "DELETE" })).status, 202);
  assert.equal((await fetch(at("spec/manifests/b"))).status, 200);
  assert.equal((await fetch(at(`spec/manifests/${image.digest}`), { method: "DELETE" })).status, 202);
  const gone = await errorOf(await fetch(at("spec/manifests/b")));
  assert.deepEqual(gone, { status: 404, code: "MANIFEST_UNKNOWN" });
  const nowhere = await fetch(at("no/such/blobs/uploads/"), { method: "POST" });
  assert.deepEqual(await errorOf(nowhere), { status: 404, code: "NAME_UNKNOWN" });
});

test("hostile requests to the registry are refused in its own words and change nothing", async () => {
  await create("hostile");
  const manifest = (body: string, tag = "v1") => fetch(at(`hostile/manifests/${tag}`), { method: "PUT", body });
  const answers = [
    await manifest("{"),
    await manifest('{"schemaVersion":2}'),
    await manifest("{}", "sha256:..%2F..%2Fetc"),
    await manifest("{}", "..%2F..%2Fx"),
    await manifest("{}", "%zz"),
    await fetch(at("hostile/blobs/uploads/?digest=md5:0"), { method: "POST", body: "x" }),
    await fetch(at("hostile/blobs/sha256:%00")),
    await fetch(at("hostile/blobs/uploads/..%2F..%2Fx"), { method: "PATCH", body: "x" }),
    await fetch(at("hostile/tags/list?n=-1")),
    await fetch(at("..%2Fhostile/tags/list")),
    await fetch(at("hostile/manifests/v1"), { method: "PATCH" }),
  ];
  for (const answer of answers) {
    const { status, code } = await errorOf(answer);
    assert.ok(status >= 400 && status < 500, `${answer.url}: ${status}`);
    assert.match(code, /^[A-Z_]+$/);
  }
  assert.deepEqual((await ecr.send(new ListImagesCommand({ repositoryName: "hostile" }))).imageIds, []);
});

test("the API sends layers and images, shows them and deletes them", async () => {
  await create("api");
  const repositoryName = "api";
  const image = await small("by the API");
  for (const [digest, bytes] of image.blobs) {
    if (digest === image.digest) continue;
    const { uploadId } = await ecr.send(new InitiateLayerUploadCommand({ repositoryName }));
    const part = { repositoryName, uploadId, partFirstByte: 0, partLastByte: bytes.length - 1, layerPartBlob: bytes };
    await assert.rejects(
      ecr.send(new UploadLayerPartCommand({ ...part, partFirstByte: 1, partLastByte: bytes.length })),
      {
        name: "InvalidLayerPartException",
        lastValidByteReceived: -1,
      },
    );
    assert.equal((await ecr.send(new UploadLayerPartCommand(part))).lastByteReceived, bytes.length - 1);
    const end = { repositoryName, uploadId, layerDigests: [digest] };
    assert.equal((await ecr.send(new CompleteLayerUploadCommand(end))).layerDigest, digest);
    const { downloadUrl } = await ecr.send(new GetDownloadUrlForLayerCommand({ repositoryName, layerDigest: digest }));
    assert.deepEqual(Buffer.from(await (await fetch(downloadUrl!)).arrayBuffer()), bytes);
  }
  const imageManifest = image.manifest.toString();
  await ecr.send(new PutImageCommand({ repositoryName, imageManifest, imageTag: "one" }));
  await ecr.send(new PutImageCommand({ repositoryName, imageManifest, imageTag: "two" }));
  const again = ecr.send(new PutImageCommand({ repositoryName, imageManifest, imageTag: "two" }));
  await assert.rejects(again, { name: "ImageAlreadyExistsException" });

  const got = await ecr.send(
    new BatchGetImageCommand({ repositoryName, imageIds: [{ imageTag: "one" }, { imageTag: "none" }, {}] }),
  );
  assert.deepEqual([got.images?.length, got.images?.[0]?.imageManifest], [1, imageManifest]);
  assert.deepEqual(
    got.failures?.map(({ failureCode }) => failureCode),
    ["ImageNotFound", "MissingDigestAndTag"],
  );
  const { imageDetails } = await ecr.send(
    new DescribeImagesCommand({ repositoryName, imageIds: [{ imageTag: "two" }] }),
  );
  assert.deepEqual([imageDetails?.[0]?.imageDigest, imageDetails?.[0]?.imageTags], [image.digest, ["one", "two"]]);
  const unknown = new DescribeImagesCommand({ repositoryName, imageIds: [{ imageTag: "none" }] });
  await assert.rejects(ecr.send(unknown), { name: "ImageNotFoundException" });

  await assert.rejects(ecr.send(new DeleteRepositoryCommand({ repositoryName })), {
    name: "RepositoryNotEmptyException",
  });
  const one = await ecr.send(new BatchDeleteImageCommand({ repositoryName, imageIds: [{ imageTag: "one" }] }));
  assert.deepEqual(one.imageIds, [{ imageDigest: image.digest, imageTag: "one" }]);
  await ecr.send(new BatchDeleteImageCommand({ repositoryName, imageIds: [{ imageDigest: image.digest }] }));
  assert.deepEqual((await ecr.send(new ListImagesCommand({ repositoryName }))).imageIds, []);
  await ecr.send(new DeleteRepositoryCommand({ repositoryName }));
  const missing = ecr.send(new DescribeRepositoriesCommand({ repositoryNames: ["api"] }));
  await assert.rejects(missing, { name: "RepositoryNotFoundException" });
});

test("a repository keeps tags and policies; another account gets in by its policy alone", async () => {
  const { repository } = await ecr.send(
    new CreateRepositoryCommand({ repositoryName: "kept", tags: [{ Key: "a", Value: "1" }] }),
  );
  const resourceArn = repository!.repositoryArn!;
  await ecr.send(new TagResourceCommand({ resourceArn, tags: [{ Key: "b", Value: "2" }] }));
  const { tags } = await ecr.send(new ListTagsForResourceCommand({ resourceArn }));
  assert.deepEqual(tags, [
    { Key: "a", Value: "1" },
    { Key: "b", Value: "2" },
  ]);
  const repositoryName = "kept";
  await assert.rejects(ecr.send(new GetLifecyclePolicyCommand({ repositoryName })), {
    name: "LifecyclePolicyNotFoundException",
  });
  const lifecyclePolicyText = JSON.stringify({
    rules: [
      {
        rulePriority: 1,
        selection: { tagStatus: "any", countType: "imageCountMoreThan", countNumber: 10 },
        action: { type: "expire" },
      },
    ],
  });
  await ecr.send(new PutLifecyclePolicyCommand({ repositoryName, lifecyclePolicyText }));
  assert.equal(
    (await ecr.send(new GetLifecyclePolicyCommand({ repositoryName }))).lifecyclePolicyText,
    lifecyclePolicyText,
  );

  await push(await small("kept"), "kept", "v1");
  const other = clientOf("111111111111");
  const list = () => other.send(new ListImagesCommand({ repositoryName, registryId: "000000000000" }));
  const ImageUri = "000000000000.dkr.ecr.us-east-1.amazonaws.com/kept:v1";
  const make = () =>
    lambdaOf(server, { credentials: { accessKeyId: "111111111111", secretAccessKey: "test" } }).send(
      new CreateFunctionCommand({
        FunctionName: "foreign",
        Role: role.replace("000000000000", "111111111111"),
        PackageType: "Image",
        Code: { ImageUri },
      }),
    );
  try {
    await assert.rejects(list(), { name: "AccessDeniedException" });
    await assert.rejects(make(), { name: "AccessDeniedException" });
    const statements = [
      { Effect: "Allow", Principal: { AWS: "arn:aws:iam::111111111111:root" }, Action: "ecr:ListImages" },
      {
        Effect: "Allow",
        Principal: { Service: "lambda.amazonaws.com" },
        Action: ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        Condition: { StringLike: { "aws:SourceArn": "arn:aws:lambda:us-east-1:111111111111:function:*" } },
      },
    ];
    const policyText = JSON.stringify({ Version: "2012-10-17", Statement: statements });
    await ecr.send(new SetRepositoryPolicyCommand({ repositoryName, policyText }));
    assert.equal((await list()).imageIds?.length, 1);
    assert.equal((await make()).PackageType, "Image");
    const broken = new SetRepositoryPolicyCommand({ repositoryName, policyText: "{" });
    await assert.rejects(ecr.send(broken), { name: "InvalidParameterException" });
  } finally {
    other.destroy();
  }
});
