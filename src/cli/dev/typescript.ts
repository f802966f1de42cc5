import { access, readFile } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { BuildContext } from "esbuild";
import { CommandFailure } from "../failure.ts";
import { nodeRuntime } from "../package/detect-runtime.ts";
import { type Package, zipFiles } from "../package/zip.ts";

const extensions = [".ts", ".mts", ".cts", ".tsx"];
const usual = ["index", "handler", "app", "main", "lambda", "src/index", "src/handler", "src/app", "src/main"];
const exported = ["handler", "lambdaHandler"];

/** `src/app.handler` → `src/app`: a module's path ends at the first dot of its last segment. */
export function handlerStem(handler: string): string {
  const dot = handler.indexOf(".", handler.lastIndexOf("/") + 1);
  return dot === -1 ? handler : handler.slice(0, dot);
}

/** A TypeScript handler where people put one; undefined when there is none, or JavaScript beside it that was built from it. */
export async function typescriptHandler(folder: string) {
  for (const stem of usual) {
    for (const extension of extensions) {
      const entry = join(folder, stem + extension);
      const text = await readFile(entry, "utf8").catch(() => undefined);
      const name = exported.find((each) =>
        new RegExp(
          `export\\s+(const|let|async\\s+function|function)\\s*\\*?\\s*${each}\\b|export\\s*\\{[^}]*\\b${each}\\b`,
        ).test(text ?? ""),
      );
      if (name === undefined) continue;
      const manifest = await manifestOf(folder);
      const packageName = manifest.name?.replace(/^@[^/]*\//, "");
      return { entry, name: packageName, runtime: nodeRuntime(manifest.engines?.node), handler: `${stem}.${name}` };
    }
  }
  return undefined;
}

/** The TypeScript file that a handler is written in; undefined where there is JavaScript of that name. */
export async function typescriptEntry(
  folder: string,
  handler: string,
  points: readonly string[],
): Promise<string | undefined> {
  const stem = handlerStem(handler);
  const named = points.find((point) => basename(point, extname(point)) === basename(stem));
  if (named !== undefined && (await there(resolve(folder, named)))) return resolve(folder, named);
  for (const extension of [".js", ".mjs", ".cjs"]) if (await there(join(folder, stem + extension))) return undefined;
  for (const extension of extensions) {
    if (await there(join(folder, stem + extension))) return join(folder, stem + extension);
  }
  return undefined;
}

const there = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

interface Manifest {
  readonly name?: string;
  readonly type?: string;
  readonly engines?: { readonly node?: string };
}

async function manifestOf(folder: string): Promise<Manifest> {
  try {
    return JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Manifest;
  } catch {
    return {};
  }
}

/** Bundles one handler again and again: what has not changed is not parsed again. */
export interface Bundler {
  /** Rejects with a CommandFailure that shows esbuild's errors with file and line. */
  bundle(): Promise<Package>;
  /** absolute paths of the sources of the last bundle */
  sources(): ReadonlySet<string>;
  dispose(): Promise<void>;
}

/**
 * The package is the bundle with its source map and a small module that switches source maps on before it loads the bundle:
 * the variable NODE_OPTIONS would do the same, and keep the function from starting from a booted runtime.
 */
export async function createBundler(fn: {
  readonly path: string;
  readonly entry: string;
  readonly handler: string;
  readonly runtime: string;
  /** sources are named by where they are on this machine, so that breakpoints in them are found */
  readonly debug: boolean;
}): Promise<Bundler> {
  const { context } = await import("esbuild");
  const folder = resolve(fn.path);
  const stem = handlerStem(fn.handler);
  const esm = fn.entry.endsWith(".mts") || (await moduleType(dirname(fn.entry))) === "module";
  const bundled = `${stem}.bundle.${esm ? "mjs" : "cjs"}`;
  const builder: BuildContext<{ write: false; metafile: true; sourcemap: "external" }> = await context({
    absWorkingDir: folder,
    entryPoints: [resolve(fn.entry)],
    outfile: join(folder, bundled),
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    format: esm ? "esm" : "cjs",
    target: `node${/\d+/.exec(fn.runtime)?.[0] ?? "24"}`,
    sourcemap: "external",
    sourcesContent: false,
    ...(fn.debug ? { sourceRoot: `${pathToFileURL(dirname(join(folder, bundled))).href}/` } : {}),
    keepNames: true,
    // every Node.js runtime has it
    external: ["@thaw/snapshot"],
    ...(esm
      ? { banner: { js: 'import{createRequire as $r}from"node:module";const require=$r(import.meta.url);' } }
      : {}),
    logLevel: "silent",
  });
  let sources: ReadonlySet<string> = new Set();
  return {
    async bundle() {
      const built = await builder.rebuild().catch(async (error: unknown) => {
        throw await buildFailure(error);
      });
      sources = new Set(Object.keys(built.metafile.inputs).map((file) => resolve(folder, file)));
      const map = `${basename(bundled)}.map`;
      const files = built.outputFiles.map(({ path, contents }) => ({
        name: path.slice(folder.length + 1),
        bytes: path.endsWith(".map")
          ? Buffer.from(contents)
          : Buffer.concat([contents, Buffer.from(`\n//# sourceMappingURL=${map}\n`)]),
      }));
      const name = `${stem}.${esm ? "mjs" : "cjs"}`;
      return await zipFiles([...files, { name, bytes: Buffer.from(loader(basename(bundled), fn.handler, esm)) }]);
    },
    sources: () => sources,
    dispose: () => builder.dispose(),
  };
}

function loader(bundled: string, handler: string, esm: boolean): string {
  const name = handler.slice(handlerStem(handler).length + 1);
  if (!esm) return `process.setSourceMapsEnabled(true);\nmodule.exports = require("./${bundled}");\n`;
  return [
    "process.setSourceMapsEnabled(true);",
    `const bundle = await import("./${bundled}");`,
    `export const ${name.split(".")[0]} = bundle[${JSON.stringify(name.split(".")[0])}];\n`,
  ].join("\n");
}

/** `type` of the nearest package.json. */
async function moduleType(folder: string): Promise<string | undefined> {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (await there(join(at, "package.json"))) return (await manifestOf(at)).type;
    if (dirname(at) === at) return undefined;
  }
}

async function buildFailure(error: unknown): Promise<unknown> {
  const { formatMessages } = await import("esbuild");
  const { errors } = error as { errors?: Parameters<typeof formatMessages>[0] };
  if (errors === undefined) return error;
  const texts = await formatMessages(errors, { kind: "error", color: process.stderr.isTTY === true });
  return new CommandFailure(texts.join("").trimEnd(), { code: "BuildFailed", cause: error });
}
