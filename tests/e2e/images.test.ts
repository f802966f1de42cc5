import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  GetFunctionCommand,
  type LambdaClient,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import { archiveOf, buildImage, writeLayout } from "../../src/artifacts/container/testing.ts";
import { noBusybox, shellImage, startRegistry, type TestRegistry } from "./images.ts";
import { answerOf, invoke, lambdaOf, role, updated } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** Functions whose code is a container image. */
let server: Server;
let client: LambdaClient;
let registry: TestRegistry;
let folder: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "thaw-images-"));
  registry = await startRegistry();
  const env = { THAW_IMAGE_FOLDERS: folder, THAW_ECR: `http://${registry.host}` };
  server = await startServer({ env });
  client = lambdaOf(server);
});
after(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function create(name: string, uri: string, more: Partial<CreateFunctionCommandInput> = {}) {
  return client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Role: role,
      PackageType: "Image",
      Code: { ImageUri: uri },
      Timeout: 20,
      ...more,
    }),
  );
}

const active = (name: string) =>
  waitUntilFunctionActiveV2({ client, maxWaitTime: 30, minDelay: 0.1, maxDelay: 0.2 }, { FunctionName: name });

const skip = () =>
  noBusybox ?? (server.driver === "container" ? undefined : "only containers have a root of their own");

test("an image in a registry runs with its own files, entry point, command, variables and working directory", async (t) => {
  if (skip()) return t.skip(skip());
  const image = await shellImage();
  registry.add("team/shell", "v1", image);
  const uri = `${registry.host}/team/shell:v1`;
  const made = await create("shell", uri);
  assert.equal(made.State, "Pending");
  assert.equal(made.PackageType, "Image");
  assert.equal(made.CodeSha256, image.digest.slice("sha256:".length));
  assert.equal(made.Runtime, undefined);
  await active("shell");
  const answer = await answerOf(client, "shell", { n: 1 });
  assert.deepEqual(answer, {
    event: { n: 1 },
    arguments: "app.handler",
    cwd: "/srv",
    greeting: "hello",
    uid: "993",
    file: "from the image",
    user: "root:x:0:0:image:/root:/bin/sh",
    handler: "",
    root: "touch: /x: Read-only file system",
  });
  const { Code } = await client.send(new GetFunctionCommand({ FunctionName: "shell" }));
  assert.deepEqual(Code, {
    RepositoryType: "ECR",
    ImageUri: uri,
    ResolvedImageUri: `${registry.host}/team/shell@${image.digest}`,
  });
});

test("ImageConfig takes the place of what the image says, and the function's variables are over the image's", async (t) => {
  if (skip()) return t.skip(skip());
  registry.add("team/shell", "v1", await shellImage());
  const ImageConfig = { Command: ["other.handler", "two"], WorkingDirectory: "/etc" };
  const Environment = { Variables: { GREETING: "mine" } };
  const made = await create("configured", `${registry.host}/team/shell:v1`, { ImageConfig, Environment });
  assert.deepEqual(made.ImageConfigResponse, { ImageConfig });
  await active("configured");
  const { arguments: words, cwd, greeting } = await answerOf(client, "configured");
  assert.deepEqual({ words, cwd, greeting }, { words: "other.handler two", cwd: "/etc", greeting: "mine" });

  const update = { FunctionName: "configured", ImageConfig: { EntryPoint: ["/bin/nothing"] } };
  await client.send(new UpdateFunctionConfigurationCommand(update));
  await updated(client, "configured");
  const failed = (await invoke(client, "configured")).payload;
  assert.equal(failed.errorType, "Runtime.InvalidEntrypoint");
});

test("an update of the code runs the new image", async (t) => {
  if (skip()) return t.skip(skip());
  registry.add("team/changing", "latest", await shellImage({ greeting: "one" }));
  await create("changing", `${registry.host}/team/changing`);
  await active("changing");
  assert.equal((await answerOf(client, "changing")).greeting, "one");
  const second = await shellImage({ greeting: "two", docker: true });
  registry.add("team/changing", "latest", second);
  const ImageUri = `${registry.host}/team/changing:latest`;
  const changed = await client.send(new UpdateFunctionCodeCommand({ FunctionName: "changing", ImageUri }));
  assert.equal(changed.CodeSha256, second.digest.slice(7));
  await updated(client, "changing");
  assert.equal((await answerOf(client, "changing")).greeting, "two");
});

test("layout folders, saved archives and ECR's names lead to images, too", async (t) => {
  if (skip()) return t.skip(skip());
  const image = await shellImage({ greeting: "folder" });
  writeLayout(join(folder, "layout"), image, "v2");
  writeFileSync(join(folder, "saved.tar"), await archiveOf(image, "shell:v2"));
  registry.add("shell", "v2", image);
  const uris = {
    layout: `oci:${folder}/layout:v2`,
    saved: `docker-archive:${folder}/saved.tar:shell:v2`,
    ecr: "000000000000.dkr.ecr.us-east-1.amazonaws.com/shell:v2",
  };
  for (const [name, uri] of Object.entries(uris)) {
    await create(name, uri);
    await active(name);
    assert.equal((await answerOf(client, name)).greeting, "folder", name);
  }
});

test("what cannot be an image is refused before anything is made", async () => {
  const image = await buildImage({ layers: [[["a", "b"]]] });
  registry.add("team/small", "v1", image);
  registry.add("team/arm", "v1", await buildImage({ layers: [[["a", "b"]]], architecture: "arm64" }));
  const uri = `${registry.host}/team/small:v1`;
  const refused = async (input: Promise<unknown>, code: string, message: RegExp) =>
    assert.rejects(input, (error: Error) => {
      assert.equal(error.name, code);
      assert.match(error.message, message);
      return true;
    });
  const invalid = "InvalidParameterValueException";
  await refused(
    create("no", "small:v1"),
    invalid,
    /^Source image small:v1 is not valid. Provide a valid source image.$/,
  );
  await refused(
    create("no", `${registry.host}/none`),
    invalid,
    /^Source image .* does not exist. Provide a valid source image.$/,
  );
  await refused(create("no", "oci:/etc"), "AccessDeniedException", /none of the folders/);
  await refused(create("no", `oci:${folder}/../etc`), "AccessDeniedException", /none of the folders/);
  await refused(create("no", `${registry.host}/team/arm:v1`), invalid, /made for linux\/arm64/);
  const handler = create("no", uri, { Handler: "a.b" });
  await refused(
    handler,
    invalid,
    /^Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.$/,
  );
  await refused(client.send(new GetFunctionCommand({ FunctionName: "no" })), "ResourceNotFoundException", /no/);
});

test("a damaged layer makes the function fail, which says why, until its code is updated", async () => {
  registry.add("team/damaged", "v1", await buildImage({ layers: [[["file", "damaged on its way"]]] }));
  registry.damage = true;
  assert.equal((await create("damaged", `${registry.host}/team/damaged:v1`)).State, "Pending");
  await assert.rejects(active("damaged"));
  registry.damage = false;
  const read = () => client.send(new GetFunctionCommand({ FunctionName: "damaged" }));
  const { State, StateReasonCode, StateReason } = (await read()).Configuration!;
  assert.deepEqual([State, StateReasonCode], ["Failed", "InvalidImage"]);
  assert.match(StateReason!, /a blob of it has another digest than its manifest says/);
  const ImageUri = `${registry.host}/team/damaged:v1`;
  await client.send(new UpdateFunctionCodeCommand({ FunctionName: "damaged", ImageUri }));
  await active("damaged");
});

test("a zip function takes no image, and an image function no zip", async () => {
  registry.add("team/kind", "v1", await buildImage({ layers: [[["a", "b"]]] }));
  await create("kind", `${registry.host}/team/kind:v1`);
  await active("kind");
  const zip = new UpdateFunctionCodeCommand({ FunctionName: "kind", ZipFile: new Uint8Array([1]) });
  await assert.rejects(
    client.send(zip),
    /^InvalidParameterValueException: Please provide ImageUri when updating a function with packageType Image.$/,
  );
  const handler = new UpdateFunctionConfigurationCommand({ FunctionName: "kind", Handler: "a.b" });
  await assert.rejects(
    client.send(handler),
    /^InvalidParameterValueException: Please don't provide Handler or Runtime or Layer/,
  );
});
