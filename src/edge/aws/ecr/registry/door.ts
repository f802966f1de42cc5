import type { IncomingMessage, ServerResponse } from "node:http";
import { ServiceError } from "../../../../model/index.ts";
import type { Repositories, RepositoryRecord } from "../../../../repositories/index.ts";
import { Refusal } from "../../../auth/index.ts";
import type { Caller } from "../../../caller.ts";
import type { Exchange } from "../../service.ts";
import { checkAccess } from "../access.ts";
import type { Tokens } from "../tokens.ts";
import { blobs, deleteBlob } from "./blobs.ts";
import { type Answer, RegistryError, refusalOf, repositoryUnknown } from "./errors.ts";
import { deleteManifest, getManifest, putManifest, tags } from "./manifests.ts";
import { paged } from "./page.ts";
import { type Route, routeOf } from "./route.ts";
import { beginUpload, dropUpload, endUpload, growUpload, uploadStatus } from "./uploads.ts";

export interface RegistryNeeds {
  readonly repositories: Repositories;
  readonly tokens: Tokens;
  /** nobody gets in without a password */
  readonly isChecked: boolean;
  report(error: unknown): void;
}

/** One request to the registry; its repository is there, and the caller may. */
export interface RegistryCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly repository: RepositoryRecord;
  readonly repositories: Repositories;
  /** digest, tag or upload that the path ends in */
  readonly reference: string;
  /** May the caller do that with another repository of this name? Undefined: there is none, or not. */
  other(name: string, action: string): RepositoryRecord | undefined;
}

export type Handler = (call: RegistryCall) => Answer | Promise<Answer> | Promise<undefined>;

/** Handlers by kind and method, with the action that a policy has to allow. Source: ECR User Guide, "Private registry authentication". */
const handlers: Readonly<Record<string, readonly [action: string, handler: Handler]>> = {
  "GET manifest": ["BatchGetImage", getManifest],
  "HEAD manifest": ["BatchGetImage", getManifest],
  "PUT manifest": ["PutImage", putManifest],
  "DELETE manifest": ["BatchDeleteImage", deleteManifest],
  "GET blob": ["GetDownloadUrlForLayer", blobs],
  "HEAD blob": ["BatchCheckLayerAvailability", blobs],
  "DELETE blob": ["BatchDeleteImage", deleteBlob],
  "POST uploads": ["InitiateLayerUpload", beginUpload],
  "GET upload": ["UploadLayerPart", uploadStatus],
  "PATCH upload": ["UploadLayerPart", growUpload],
  "PUT upload": ["CompleteLayerUpload", endUpload],
  "DELETE upload": ["UploadLayerPart", dropUpload],
  "GET tags": ["ListImages", tags],
};

/** The registry at `/v2/`. Source: distribution-spec 1.1. */
export function createRegistryDoor(needs: RegistryNeeds): (exchange: Exchange) => Promise<void> {
  return async ({ request, response, url }) => {
    try {
      const answer = await answerOf(needs, request, response, url);
      if (answer !== undefined) send(request, response, answer);
    } catch (error) {
      // Whoever is still writing would not see the answer.
      request.resume();
      if (response.headersSent || response.destroyed) {
        response.destroy();
        return;
      }
      send(request, response, refusalOf(error, url.host, needs.report));
    }
  };
}

async function answerOf(
  needs: RegistryNeeds,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<Answer | undefined> {
  const { repositories, tokens } = needs;
  const route = routeOf(url.pathname);
  const asked = addressOf(url.hostname);
  const download = route?.kind === "blob" ? url.searchParams.get("token") : null;
  const caller = download === null ? callerOf(needs, request) : undefined;
  if (route === undefined) throw new RegistryError("UNSUPPORTED", 404, "There is nothing of this name in a registry");
  if (route.kind === "base") return { json: {} };
  if (route.kind === "catalog") return catalog(repositories, caller, asked, url.searchParams);

  const registry = /^(\d{12})\.([a-z0-9-]+)$/.exec(url.searchParams.get("registry") ?? "");
  const wanted = download === null || registry === null ? asked : { account: registry[1], region: registry[2] };
  const repository = locate(repositories, route, wanted, caller);
  if (download !== null) {
    if (!tokens.opensBlob(download, `${repository.account} ${repository.name}@${route.reference}`)) {
      throw new RegistryError("DENIED", 403, "The address is not valid, or no longer");
    }
  }
  const found = handlers[`${request.method} ${route.kind}`];
  if (found === undefined) {
    throw new RegistryError("UNSUPPORTED", 405, `${request.method} is not possible here`);
  }
  const [action, handler] = found;
  // Who asks without a password is whoever the repository is of: nobody is checked then.
  const who = caller ?? { account: repository.account, region: repository.region, service: "ecr" };
  if (download === null) checkAccess(who, action, repository);
  return handler({
    request,
    response,
    query: url.searchParams,
    repository,
    repositories,
    reference: route.reference,
    other(name, wantedAction) {
      try {
        const from = locate(repositories, { ...route, name }, asked, who);
        checkAccess(who, wantedAction, from);
        return from;
      } catch (error) {
        if (error instanceof RegistryError || error instanceof ServiceError) return undefined;
        throw error;
      }
    },
  });
}

/** Undefined: nobody in particular, where nobody is checked. Throws Refusal. */
function callerOf({ tokens, isChecked }: RegistryNeeds, request: IncomingMessage): Caller | undefined {
  const [, given] = /^basic\s+(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
  if (given === undefined) {
    if (isChecked) throw new Refusal("missing", "no basic auth credentials");
    return undefined;
  }
  const login = Buffer.from(given, "base64").toString("utf8");
  const password = login.slice(login.indexOf(":") + 1);
  try {
    return tokens.callerOf(password, request);
  } catch (error) {
    // A password of another server, or of before, is as good as none where none is needed.
    if (!isChecked && error instanceof Refusal) return undefined;
    throw error;
  }
}

interface Address {
  readonly account?: string | undefined;
  readonly region?: string | undefined;
}

/** Whose registry a host's name says that it is: `ACCOUNT.dkr.ecr.REGION.…`. */
function addressOf(hostname: string): Address {
  const [, account, region] = /^(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\./.exec(hostname) ?? [];
  return { account, region };
}

/** By the host's name, else by the password; where neither tells, by the repository's name alone. Throws RegistryError. */
function locate(
  repositories: Repositories,
  { name }: Pick<Route, "name">,
  { account, region }: Address,
  caller: Caller | undefined,
): RepositoryRecord {
  const wanted = { account: account ?? caller?.account, region: region ?? caller?.region };
  const found = repositories
    .named(name)
    .filter(
      (one) =>
        (wanted.account === undefined || one.account === wanted.account) &&
        (wanted.region === undefined || one.region === wanted.region),
    )
    .sort((one, other) => (one.account + one.region < other.account + other.region ? -1 : 1));
  const [first] = found;
  if (first === undefined) throw repositoryUnknown(name, wanted.account ?? "000000000000");
  return first;
}

function catalog(
  repositories: Repositories,
  caller: Caller | undefined,
  asked: Address,
  query: URLSearchParams,
): Answer {
  const account = asked.account ?? caller?.account ?? "000000000000";
  const region = asked.region ?? caller?.region ?? "us-east-1";
  if (caller !== undefined) checkAccess(caller, "DescribeRepositories", { account, region, repository: "*" });
  const names = repositories.list({ account, region }).map(({ repository }) => repository);
  return paged("/v2/_catalog", names, query, (repositoryNames) => ({ repositories: repositoryNames }));
}

function send(request: IncomingMessage, response: ServerResponse, { status = 200, headers = {}, json, bytes }: Answer) {
  const body = bytes ?? (json === undefined ? undefined : Buffer.from(JSON.stringify(json)));
  const type = json === undefined ? {} : { "content-type": "application/json" };
  response.writeHead(status, {
    "docker-distribution-api-version": "registry/2.0",
    ...type,
    "content-length": body?.length ?? 0,
    ...headers,
  });
  if (request.method === "HEAD") response.end();
  else response.end(body);
}
