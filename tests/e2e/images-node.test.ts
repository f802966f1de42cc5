import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CreateFunctionCommand, waitUntilFunctionActiveV2 } from "@aws-sdk/client-lambda";
import { type BuiltImage, buildImage, type LayerEntry, writeLayout } from "../../src/artifacts/container/testing.ts";
import { answerOf, lambdaOf, role } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** A Node.js image, and a real registry. */
let server: Server;
let folder: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "thaw-images-node-"));
  server = await startServer({ env: { THAW_IMAGE_FOLDERS: folder, THAW_SNAPSHOTS: "all" } });
});
after(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** A runtime interface client in a few lines. */
const client = `
import http from "node:http";
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const ask = (method, path, body) => new Promise((resolve, reject) => {
  const request = http.request({ host, port, method, agent, path: "/2018-06-01/runtime/invocation" + path }, (answer) => {
    let text = "";
    answer.on("data", (chunk) => { text += chunk; });
    answer.on("end", () => resolve({ id: answer.headers["lambda-runtime-aws-request-id"], text }));
  });
  request.on("error", reject);
  request.end(body);
});
const { handler } = await import(process.argv[2]);
while (true) {
  const { id, text } = await ask("GET", "/next");
  await ask("POST", "/" + id + "/response", JSON.stringify(await handler(JSON.parse(text))));
}
`;

/** This very Node.js with its libraries, a client, and a function. */
async function nodeImage(): Promise<BuiltImage> {
  const program = realpathSync(process.execPath);
  const libraries = [...execFileSync("ldd", [program], { encoding: "utf8" }).matchAll(/(\/\S+) \(/g)].map(
    ([, path]) => path!,
  );
  const file = (path: string, from: string): LayerEntry => [path, readFileSync(from), { mode: 0o755 }];
  return buildImage({
    compression: "none",
    layers: [
      [file("usr/bin/node", program), ...libraries.map((path) => file(path.slice(1), path))],
      [
        ["var/task/client.mjs", client],
        [
          "var/task/app.mjs",
          `let calls = 0;
          export const handler = async (event) => {
            await new Promise((resolve) => setTimeout(resolve, event.holdMs ?? 0));
            return { event, calls: ++calls, task: process.env.LAMBDA_TASK_ROOT };
          };`,
        ],
      ],
    ],
    config: { Entrypoint: ["node", "client.mjs"], Cmd: ["./app.mjs"], WorkingDir: "/var/task" },
  });
}

async function run(name: string, ImageUri: string): Promise<unknown> {
  const lambda = lambdaOf(server);
  const more = { Role: role, PackageType: "Image", Timeout: 30, MemorySize: 512 } as const;
  await lambda.send(new CreateFunctionCommand({ FunctionName: name, Code: { ImageUri }, ...more }));
  await waitUntilFunctionActiveV2(
    { client: lambda, maxWaitTime: 60, minDelay: 0.1, maxDelay: 0.5 },
    { FunctionName: name },
  );
  const answer = await answerOf(lambda, name, { n: 1 });
  lambda.destroy();
  return answer;
}

test("an image with Node.js and a runtime interface client of its own serves its function", async (t) => {
  if (server.driver !== "container") return t.skip("only containers have a root of their own");
  writeLayout(join(folder, "node"), await nodeImage());
  assert.deepEqual(await run("node-image", `oci:${folder}/node:latest`), {
    event: { n: 1 },
    calls: 1,
    task: "/var/task",
  });
});

test("the initialised process of an image is copied, as any other is", async (t) => {
  if (server.driver !== "container") return t.skip("only containers have a root of their own");
  const info = (await (await fetch(`${server.endpoint}/_thaw/info`)).json()) as {
    snapshots: { usable: boolean; reason: string };
  };
  if (!info.snapshots.usable) return t.skip(info.snapshots.reason);
  writeLayout(join(folder, "copied"), await nodeImage());
  await run("copied", `oci:${folder}/copied:latest`);
  interface View {
    readonly environments: readonly { readonly function: string; readonly start: string }[];
    readonly versions: readonly {
      readonly function: string;
      readonly image: { readonly state: string; readonly why: string };
    }[];
  }
  const look = async () => (await (await fetch(`${server.endpoint}/_thaw/environments`)).json()) as View;
  const imageOf = (view: View) => view.versions.find((version) => version.function === "copied")?.image;
  const deadline = Date.now() + 60_000;
  while (imageOf(await look())?.state !== "ready") {
    const image = imageOf(await look());
    assert.ok(Date.now() < deadline && image?.state !== "refused", JSON.stringify(image));
  }
  const lambda = lambdaOf(server);
  // held, so that one environment cannot answer them all
  const answers = await Promise.all([1, 2, 3].map((n) => answerOf(lambda, "copied", { n, holdMs: 500 })));
  lambda.destroy();
  assert.deepEqual(
    answers.map((answer) => answer.event.n),
    [1, 2, 3],
  );
  const starts = (await look()).environments.filter((one) => one.function === "copied").map(({ start }) => start);
  assert.ok(starts.includes("restore"), `${starts}`);
});

test("an image pushed to Debian's docker-registry is pulled from there", async (t) => {
  const program = [process.env.THAW_TEST_REGISTRY ?? "", "/usr/bin/docker-registry"].find(
    (path) => path !== "" && existsSync(path),
  );
  if (program === undefined) return t.skip("docker-registry is not installed");
  if (server.driver !== "container") return t.skip("only containers have a root of their own");
  const port = await freePort();
  const settings = join(folder, "registry.yml");
  const storage = { filesystem: { rootdirectory: join(folder, "registry") } };
  writeFileSync(
    settings,
    JSON.stringify({ version: 0.1, log: { level: "error" }, storage, http: { addr: `127.0.0.1:${port}` } }),
  );
  const registry = spawn(program, ["serve", settings], { stdio: "ignore" });
  try {
    const origin = `http://127.0.0.1:${port}`;
    while ((await fetch(`${origin}/v2/`).catch(() => undefined)) === undefined) assert.equal(registry.exitCode, null);
    const image = await nodeImage();
    await push(`${origin}/v2/team/node`, "v1", image);
    const answer = (await run("from-registry", `127.0.0.1:${port}/team/node:v1`)) as { calls: number };
    assert.equal(answer.calls, 1);
  } finally {
    registry.kill();
    await once(registry, "exit");
  }
});

async function push(repository: string, tag: string, image: BuiltImage): Promise<void> {
  for (const [digest, bytes] of image.blobs) {
    const begun = await fetch(`${repository}/blobs/uploads/`, { method: "POST" });
    const url = new URL(begun.headers.get("location")!, repository);
    url.searchParams.set("digest", digest);
    const put = await fetch(url, {
      method: "PUT",
      body: new Uint8Array(bytes),
      headers: { "content-type": "application/octet-stream" },
    });
    assert.equal(put.status, 201);
  }
  const { mediaType } = JSON.parse(image.manifest.toString()) as { mediaType: string };
  const headers = { "content-type": mediaType };
  const put = await fetch(`${repository}/manifests/${tag}`, {
    method: "PUT",
    body: new Uint8Array(image.manifest),
    headers,
  });
  assert.equal(put.status, 201);
}

async function freePort(): Promise<number> {
  const listener = createServer();
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, "close");
  return port;
}
