import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip as gzipped } from "node:zlib";

const gzip = promisify(gzipped);
const web = join(import.meta.dirname, "../../../web");

/** What a browser is given, as it is. Nothing of it is anybody's secret: data comes from elsewhere, and is signed for. */
export interface PageFile {
  readonly type: string;
  readonly body: Buffer;
  readonly zipped: Buffer;
  readonly tag: string;
}

export type PageFiles = ReadonlyMap<string, PageFile>;

/**
 * No script but ours, nothing inline, nothing evaluated, nothing from elsewhere, and no frame of another page around it.
 */
const headers = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  // Its tag tells whether it is still the same: a new version of the platform must not be looked at with an old page.
  "cache-control": "no-cache",
};

let files: Promise<PageFiles> | undefined;

/** Answers with a file of the dashboard. Rejects when it could not be built. */
export async function sendPage(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  files ??= buildPages().catch((error: unknown) => {
    files = undefined;
    throw error;
  });
  const file = (await files).get(path);
  if (file === undefined) throw new Error(`${path} is not a part of the dashboard`);
  const { type, body, zipped, tag } = file;
  if (request.headers["if-none-match"] === tag) {
    response.writeHead(304, { ...headers, etag: tag }).end();
    return;
  }
  const accepts = /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
  const sent = accepts ? zipped : body;
  response.writeHead(200, {
    ...headers,
    ...(accepts ? { "content-encoding": "gzip" } : {}),
    "content-type": type,
    "content-length": sent.length,
    vary: "accept-encoding",
    etag: tag,
  });
  response.end(request.method === "HEAD" ? undefined : sent);
}

/**
 * Builds the dashboard out of `web/`: a twentieth of a second, once in the life of a platform that somebody looks at. So there
 * is no built folder that could be older than its source, and installing and starting cost nothing.
 */
export async function buildPages(): Promise<PageFiles> {
  const { build, stop } = await import("esbuild");
  try {
    const { outputFiles } = await build({
      entryPoints: { app: join(web, "main.tsx") },
      outdir: "/",
      bundle: true,
      minify: true,
      write: false,
      format: "esm",
      target: ["chrome111", "firefox113", "safari16.4"],
      jsx: "automatic",
      jsxImportSource: "preact",
      tsconfigRaw: {},
      legalComments: "none",
      logLevel: "silent",
    });
    const built = (end: string) => Buffer.from(outputFiles.find(({ path }) => path.endsWith(end))!.contents);
    const contents: readonly (readonly [string, string, Buffer])[] = [
      ["/_thaw/", "text/html; charset=utf-8", await readFile(join(web, "index.html"))],
      ["/_thaw/app.js", "text/javascript; charset=utf-8", built(".js")],
      ["/_thaw/app.css", "text/css; charset=utf-8", built(".css")],
      ["/_thaw/icon.svg", "image/svg+xml", await readFile(join(web, "icon.svg"))],
    ];
    return new Map(
      await Promise.all(contents.map(async ([path, type, body]) => [path, await pageFile(type, body)] as const)),
    );
  } finally {
    // Its process would stay for as long as ours.
    await stop();
  }
}

async function pageFile(type: string, body: Buffer): Promise<PageFile> {
  const tag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  return { type, body, zipped: await gzip(body, { level: 9 }), tag };
}
