import { createHash } from "node:crypto";
import { imageLimits, indexTypes, manifestTypes } from "./manifest.ts";
import { ImageRefused } from "./refused.ts";
import type { ImageSource } from "./source.ts";

/** How a registry is spoken to. */
export interface Endpoint {
  /** `https://registry.example.com`, without a path */
  readonly origin: string;
  /** user and password, joined by a colon */
  readonly login?: string | undefined;
}

export interface Wanted {
  /** as the owner of the function wrote it, for messages */
  readonly uri: string;
  readonly repository: string;
  readonly reference: string;
}

/** A registry that says nothing for so long is given up, milliseconds. */
const silenceMs = 30_000;
const redirects = 5;
const accept = [...manifestTypes, ...indexTypes].join(", ");

/**
 * An image in a registry, over its HTTP API (distribution-spec 1.1; tokens: distribution's token.md). Follows a registry's
 * redirects and its choice of a token server, but never from https to http, and never takes credentials elsewhere.
 */
export function registrySource(endpoint: Endpoint, wanted: Wanted): ImageSource {
  const base = `${endpoint.origin}/v2/${wanted.repository}`;
  let authorization = endpoint.login === undefined ? undefined : basic(endpoint.login);
  const fail = (trouble: ImageRefused["trouble"], message: string, cause?: unknown) =>
    new ImageRefused(trouble, message, { cause });

  async function get(url: string, headers: Record<string, string>, triedToken = false): Promise<Response> {
    const response = await follow(url, { ...headers, ...(authorization === undefined ? {} : { authorization }) });
    if (response.status === 401 && !triedToken) {
      const challenge = response.headers.get("www-authenticate") ?? "";
      await response.body?.cancel();
      const token = await tokenFor(challenge);
      if (token === undefined) throw denied();
      authorization = token;
      return get(url, headers, true);
    }
    if (response.ok) return response;
    await response.body?.cancel();
    if (response.status === 401 || response.status === 403) throw denied();
    if (response.status === 404 || response.status === 400) throw missing();
    throw fail("unreachable", `The registry of ${wanted.uri} answered with status ${response.status}.`);
  }

  /** One request and its redirects. */
  async function follow(url: string, headers: Record<string, string>): Promise<Response> {
    let at = new URL(url);
    for (let hops = 0; hops <= redirects; hops++) {
      const sent = at.origin === endpoint.origin ? headers : without(headers, "authorization");
      const response = await ask(at, sent);
      const location = response.headers.get("location");
      if (response.status < 300 || response.status > 399 || location === null) return response;
      await response.body?.cancel();
      const next = URL.parse(location, at.href);
      if (next === null || !allowed(next))
        throw fail("denied", `The registry of ${wanted.uri} leads elsewhere in a way that is not followed.`);
      at = next;
    }
    throw fail("unreachable", `The registry of ${wanted.uri} leads from one address to the next.`);
  }

  async function ask(url: URL, headers: Record<string, string>): Promise<Response> {
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(), silenceMs);
    try {
      return await fetch(url, { headers, redirect: "manual", signal: silence.signal });
    } catch (error) {
      throw fail("unreachable", `The registry of ${wanted.uri} cannot be reached.`, error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** To the registry's own origin, or to anybody over https. */
  const allowed = (url: URL) => url.origin === endpoint.origin || url.protocol === "https:";

  /** The header that a challenge asks for; undefined: none can be had. */
  async function tokenFor(challenge: string): Promise<string | undefined> {
    if (!/^bearer /i.test(challenge)) return undefined;
    const parts = Object.fromEntries(
      [...challenge.slice(7).matchAll(/([a-z_]+)="([^"]*)"/gi)].map(([, name, value]) => [name!.toLowerCase(), value!]),
    );
    const realm = URL.parse(parts.realm ?? "");
    if (realm === null || !(allowed(realm) || isLoopback(realm.hostname))) return undefined;
    if (parts.service !== undefined) realm.searchParams.set("service", parts.service);
    realm.searchParams.set("scope", `repository:${wanted.repository}:pull`);
    // The operator's password is for the registry and, as with Docker, for the token server that it names.
    const login: Record<string, string> = endpoint.login === undefined ? {} : { authorization: basic(endpoint.login) };
    const response = await ask(realm, login);
    const body = response.ok ? await readAll(response, 1 << 20, wanted.uri) : undefined;
    if (body === undefined) await response.body?.cancel();
    try {
      const { token, access_token } = JSON.parse(body?.toString() ?? "{}") as Record<string, unknown>;
      const found = token ?? access_token;
      return typeof found === "string" && /^[\x21-\x7e]+$/.test(found) ? `Bearer ${found}` : undefined;
    } catch {
      return undefined;
    }
  }

  function denied(): ImageRefused {
    return fail("denied", "Lambda does not have permission to access the ECR image. Check the ECR permissions.");
  }

  function missing(): ImageRefused {
    return fail("missing", `Source image ${wanted.uri} does not exist. Provide a valid source image.`);
  }

  return {
    async manifest(digest = wanted.reference) {
      const response = await get(`${base}/manifests/${digest}`, { accept });
      const bytes = await readAll(response, imageLimits.manifestBytes, wanted.uri);
      if (!digest.startsWith("sha256:")) return bytes;
      if (`sha256:${createHash("sha256").update(bytes).digest("hex")}` === digest) return bytes;
      throw fail("damaged", `The image ${wanted.uri} cannot be used: its manifest has another digest.`);
    },
    async blob({ digest }, from) {
      const range: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
      const response = await get(`${base}/blobs/${digest}`, range);
      return { whole: response.status !== 206, bytes: bodyOf(response, wanted.uri) };
    },
  };
}

async function readAll(response: Response, limit: number, uri: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of bodyOf(response, uri)) {
    bytes += chunk.length;
    if (bytes > limit) throw new ImageRefused("damaged", `The image ${uri} cannot be used: its manifest is too large.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The body; a registry that falls silent or hangs up midway is unreachable. */
async function* bodyOf(response: Response, uri: string): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  try {
    while (true) {
      const silence = Promise.withResolvers<never>();
      const timer = setTimeout(() => silence.reject(new Error("silence")), silenceMs);
      const { done, value } = await Promise.race([reader.read(), silence.promise]).finally(() => clearTimeout(timer));
      if (done) return;
      yield value;
    }
  } catch (error) {
    throw new ImageRefused("unreachable", `The registry of ${uri} broke off.`, { cause: error });
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

const basic = (login: string): string => `Basic ${Buffer.from(login).toString("base64")}`;

function without(headers: Record<string, string>, name: string): Record<string, string> {
  const { [name]: _, ...rest } = headers;
  return rest;
}

/** An address that never leaves this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || /^127(?:\.\d{1,3}){3}$/.test(hostname) || hostname === "[::1]";
}
