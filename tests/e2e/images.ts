import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type BuiltImage, buildImage, type LayerEntry } from "../../src/artifacts/container/testing.ts";

/** Debian's busybox-static: a whole system in one program without libraries. */
const busybox = ["/bin/busybox", "/usr/bin/busybox"].find(existsSync);

export const noBusybox = busybox === undefined ? "busybox-static is not installed" : undefined;

/** A runtime of the function's own in shell: answers with what it sees of its sandbox, and with the event. */
const bootstrap = `#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  wget -q -S -O /tmp/event "$api/next" 2>/tmp/head
  id=$(sed -n 's/^ *[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: *//p' /tmp/head | tr -d '\\r')
  printf '{"event":%s,"arguments":"%s","cwd":"%s","greeting":"%s","uid":"%s","file":"%s","user":"%s","handler":"%s","root":"%s"}' \\
    "$(cat /tmp/event)" "$*" "$(pwd)" "$GREETING" "$(id -u)" "$(cat /etc/greeting 2>&1)" "$(head -n 1 /etc/passwd)" "$_HANDLER" "$(touch /x 2>&1)" >/tmp/answer
  wget -q -O /dev/null --post-file=/tmp/answer "$api/$id/response"
done
`;

const programs = ["sh", "wget", "sed", "tr", "cat", "id", "printf", "head", "pwd", "touch", "sleep"];

/** Layers of a system that runs shell scripts. */
export function shellLayers(): LayerEntry[][] {
  return [
    [
      ["bin/", "", { type: "directory", mode: 0o755 }],
      ["bin/busybox", readFileSync(busybox!), { mode: 0o755 }],
      ...programs.map((name): LayerEntry => [`bin/${name}`, "", { type: "symlink", linkname: "busybox" }]),
      ["etc/", "", { type: "directory", mode: 0o755 }],
      ["etc/passwd", "root:x:0:0:image:/root:/bin/sh\n"],
      ["etc/greeting", "from the image", { mode: 0o600 }],
    ],
    [["srv/bootstrap", bootstrap, { mode: 0o755 }]],
  ];
}

/** A function's image: `/srv/bootstrap` with arguments. */
export function shellImage(more: { readonly greeting?: string; readonly docker?: boolean } = {}): Promise<BuiltImage> {
  return buildImage({
    layers: [...shellLayers(), [["srv/note", more.greeting ?? "none"]]],
    docker: more.docker ?? false,
    config: {
      Env: [`GREETING=${more.greeting ?? "hello"}`, "PATH=/bin"],
      Entrypoint: ["/srv/bootstrap"],
      Cmd: ["app.handler"],
      WorkingDir: "/srv",
    },
  });
}

/** What a registry did. */
export interface TestRegistry extends AsyncDisposable {
  readonly host: string;
  /** method and path of each request, with its Range */
  readonly requests: string[];
  /** adds an image under a name and tag */
  add(name: string, tag: string, image: BuiltImage): void;
  /** the next answer with a longer blob stops after so many bytes */
  stopAfter: number | undefined;
  /** breaks that answer off */
  breakOff: (() => void) | undefined;
  /** requests need a token, which this login gets */
  login: string | undefined;
  /** layers are given with one byte changed */
  damage: boolean;
}

/** A registry that does what the distribution specification says of pulls, and can be told to fail. */
export async function startRegistry(): Promise<TestRegistry> {
  const manifests = new Map<string, { readonly type: string; readonly bytes: Buffer }>();
  const blobs = new Map<string, Buffer>();
  const server: HttpServer = createServer((request, response) => {
    const url = new URL(request.url!, "http://registry");
    const { range, authorization } = request.headers;
    registry.requests.push(`${request.method} ${url.pathname}${range === undefined ? "" : ` ${range}`}`);
    if (url.pathname === "/token") {
      const right = authorization === `Basic ${Buffer.from(registry.login ?? "").toString("base64")}`;
      return void response.writeHead(right ? 200 : 401).end(JSON.stringify(right ? { token: "let-me-in" } : {}));
    }
    if (registry.login !== undefined && authorization !== "Bearer let-me-in") {
      const realm = `Bearer realm="http://${registry.host}/token",service="registry"`;
      return void response.writeHead(401, { "www-authenticate": realm }).end();
    }
    const [, name, kind, reference] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(url.pathname) ?? [];
    const manifest = kind === "manifests" ? manifests.get(`${name}/${reference}`) : undefined;
    if (manifest) return void response.writeHead(200, { "content-type": manifest.type }).end(manifest.bytes);
    const blob = kind === "blobs" ? blobs.get(reference!) : undefined;
    if (!blob) return void response.writeHead(404).end();
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const bytes = Buffer.from(blob.subarray(from));
    if (registry.damage && blob[0] !== 0x7b) bytes[bytes.length - 1]! ^= 1;
    response.writeHead(from > 0 ? 206 : 200, { "content-length": bytes.length });
    const cut = registry.stopAfter;
    if (cut === undefined || bytes.length <= cut) return void response.end(bytes);
    registry.stopAfter = undefined;
    registry.breakOff = () => void response.destroy();
    response.write(bytes.subarray(0, cut));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const registry: TestRegistry = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    stopAfter: undefined,
    breakOff: undefined,
    login: undefined,
    damage: false,
    add(name, tag, image) {
      const { mediaType = "application/json" } = JSON.parse(image.manifest.toString()) ?? {};
      for (const reference of [tag, image.digest])
        manifests.set(`${name}/${reference}`, { type: mediaType, bytes: image.manifest });
      for (const [digest, bytes] of image.blobs) blobs.set(digest, bytes);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return registry;
}
