import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { ask, ServiceFailure } from "../client.ts";
import { CommandFailure } from "../failure.ts";
import type { Connection } from "../settings.ts";

/** An image in the platform's own registry. */
export interface Pushed {
  /** by its digest, so that it means the same for ever */
  readonly uri: string;
  readonly digest: string;
  /** of what had to be sent: the registry has the rest already */
  readonly sentBytes: number;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Manifest {
  readonly mediaType?: string;
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
}

const indexType = "application/vnd.oci.image.index.v1+json";

/**
 * Pushes the image in a folder in OCI image layout to the platform's registry, into a repository that is made if it is not there. `tag`
 * chooses among several images. Source: OCI Distribution Specification, "Push".
 */
export async function pushLayout(
  connection: Connection,
  folder: string,
  repository: string,
  tag: string | undefined,
): Promise<Pushed> {
  const repositoryUri = await repositoryOf(connection, repository);
  const registry = createRegistry(connection, repository, await password(connection));
  const index = await readFile(join(folder, "index.json"));
  const top = chosen(parsed(index, folder), tag, folder);
  let sentBytes = 0;

  const pathOf = ({ digest }: Descriptor) => join(folder, "blobs", ...digest.split(":"));
  const push = async (descriptor: Descriptor): Promise<void> => {
    const bytes = await readFile(pathOf(descriptor));
    const manifest = parsed(bytes, folder);
    for (const each of manifest.manifests ?? []) await push(each);
    for (const blob of [...(manifest.layers ?? []), ...(manifest.config === undefined ? [] : [manifest.config])]) {
      if (await registry.pushBlob(blob, pathOf(blob))) sentBytes += blob.size;
    }
    await registry.putManifest(descriptor.digest, manifest.mediaType ?? descriptor.mediaType, bytes);
  };
  if (top !== undefined) {
    await push(top);
    return { uri: `${repositoryUri}@${top.digest}`, digest: top.digest, sentBytes };
  }
  // one for each architecture: the list itself is the image
  const { createHash } = await import("node:crypto");
  for (const each of parsed(index, folder).manifests ?? []) await push(each);
  const digest = `sha256:${createHash("sha256").update(index).digest("hex")}`;
  await registry.putManifest(digest, indexType, index);
  return { uri: `${repositoryUri}@${digest}`, digest, sentBytes };
}

/** The one image, or the one of that name; undefined: all of them together. */
function chosen({ manifests = [] }: Manifest, tag: string | undefined, folder: string): Descriptor | undefined {
  if (tag === undefined) return manifests.length === 1 ? manifests[0] : undefined;
  const found = manifests.find(({ annotations }) => annotations?.["org.opencontainers.image.ref.name"] === tag);
  if (found === undefined) throw new CommandFailure(`${folder} has no image called ${tag}.`);
  return found;
}

function parsed(bytes: Buffer, folder: string): Manifest {
  try {
    return JSON.parse(bytes.toString()) as Manifest;
  } catch (error) {
    throw new CommandFailure(`${folder} is no image: a manifest of it is not JSON.`, { cause: error });
  }
}

/** ECR's address of a repository, which is made if it is not there. */
async function repositoryOf(connection: Connection, repositoryName: string): Promise<string> {
  type Repository = { readonly repositoryUri: string };
  try {
    const { repository } = await ecr<{ repository: Repository }>(connection, "CreateRepository", { repositoryName });
    return repository.repositoryUri;
  } catch (error) {
    if (!(error instanceof ServiceFailure) || error.code !== "RepositoryAlreadyExistsException") throw error;
  }
  const input = { repositoryNames: [repositoryName] };
  const { repositories } = await ecr<{ repositories: Repository[] }>(connection, "DescribeRepositories", input);
  return repositories[0]!.repositoryUri;
}

/** `AWS:token`, in base64: what `docker login` is given. */
async function password(connection: Connection): Promise<string> {
  type Token = { readonly authorizationToken: string };
  const { authorizationData } = await ecr<{ authorizationData: Token[] }>(connection, "GetAuthorizationToken", {});
  return authorizationData[0]!.authorizationToken;
}

async function ecr<T>(connection: Connection, operation: string, input: unknown): Promise<T> {
  const target = `AmazonEC2ContainerRegistry_V20150921.${operation}`;
  const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": target };
  const body = JSON.stringify(input);
  const answer = await ask(connection, { method: "POST", path: "/", headers, body, service: "ecr" });
  return JSON.parse(answer.body.toString()) as T;
}

function createRegistry({ endpoint }: Connection, repository: string, token: string) {
  const send = async (method: string, path: string, headers: Record<string, string>, body?: Buffer | string) => {
    const url = new URL(`${endpoint}/v2/${repository}/${path}`);
    const { request } = await import(url.protocol === "https:" ? "node:https" : "node:http");
    const all = { ...headers, authorization: `Basic ${token}` };
    return await new Promise<IncomingMessage>((resolve, reject) => {
      const asked = request(url, { method, headers: all }, resolve).on("error", reject);
      if (typeof body !== "string") asked.end(body);
      else {
        createReadStream(body)
          .on("error", (error) => asked.destroy(error))
          .pipe(asked);
      }
    });
  };
  const expect = async (answer: IncomingMessage, status: number, what: string): Promise<void> => {
    const text = await textOf(answer);
    if (answer.statusCode === status) return;
    throw new CommandFailure(`The registry did not take ${what}: HTTP ${answer.statusCode} ${text.slice(0, 300)}`, {
      code: "PushFailed",
    });
  };
  return {
    /** Sends a file, unless it is there already. Resolves with whether it was sent. */
    async pushBlob({ digest, size }: Descriptor, file: string): Promise<boolean> {
      const there = await send("HEAD", `blobs/${digest}`, {});
      there.resume();
      if (there.statusCode === 200) return false;
      const headers = { "content-type": "application/octet-stream", "content-length": String(size) };
      await expect(await send("POST", `blobs/uploads/?digest=${digest}`, headers, file), 201, digest);
      return true;
    },
    async putManifest(digest: string, mediaType: string, bytes: Buffer): Promise<void> {
      await expect(await send("PUT", `manifests/${digest}`, { "content-type": mediaType }, bytes), 201, digest);
    },
  };
}
