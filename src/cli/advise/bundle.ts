import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Contents } from "./contents.ts";

export interface Bundle {
  /** the new package: the bundle, and every file that is neither code nor a dependency */
  readonly contents: Contents;
  /** files of the old package that the handler reaches */
  readonly used: ReadonlySet<string>;
  /** why the bundle may behave differently; empty: nothing speaks against it */
  readonly doubts: readonly string[];
}

/** Bundles an unpacked Node.js package from its handler with esbuild; undefined where that is impossible, with why. Nothing of it is run. */
export async function bundle(folder: string, contents: Contents, handler: string): Promise<Bundle | string> {
  const dot = handler.indexOf(".", handler.lastIndexOf("/") + 1);
  const stem = handler.slice(0, dot);
  const entry = [".js", ".mjs", ".cjs"].map((end) => stem + end).find((file) => existsSync(join(folder, file)));
  if (entry === undefined) return `no file ${stem}.js, .mjs or .cjs`;
  const manifest = contents.get("package.json")?.toString() ?? "{}";
  const esm = entry.endsWith(".mjs") || (entry.endsWith(".js") && /"type"\s*:\s*"module"/.test(manifest));
  const { build } = await import("esbuild");
  const outfile = join(folder, ".thaw-advise", `${stem}.${esm ? "mjs" : "js"}`);
  try {
    const result = await build({
      absWorkingDir: folder,
      entryPoints: [entry],
      outfile,
      bundle: true,
      platform: "node",
      target: "node18",
      format: esm ? "esm" : "cjs",
      keepNames: true,
      minifyWhitespace: true,
      metafile: true,
      write: false,
      logLevel: "silent",
      // the runtime brings the SDK; a copy of it in the package is bundled
      external: contents.has("node_modules/@aws-sdk/core/package.json") ? [] : ["@aws-sdk/*", "@smithy/*"],
      loader: { ".node": "empty" },
      ...(esm
        ? { banner: { js: 'import{createRequire as __r}from"node:module";const require=__r(import.meta.url);' } }
        : {}),
    });
    const used = new Set(Object.keys(result.metafile.inputs).map((file) => relative(folder, join(folder, file))));
    const doubts = result.warnings.map((warning) => warning.text);
    if ([...used].some((file) => file.endsWith(".node"))) doubts.push("it loads native code");
    for (const file of used) {
      if (/\b__(dir|file)name\b|import\.meta\.(url|dirname)/.test(await readFile(join(folder, file), "utf8"))) {
        doubts.push(`${file} looks for files beside itself`);
      }
    }
    const kept = [...contents].filter(
      ([file]) => !file.includes("node_modules/") && !/\.([cm]?js|map)$|(^|\/)package(-lock)?\.json$/.test(file),
    );
    const made = result.outputFiles.map(
      (file) => [relative(join(folder, ".thaw-advise"), file.path), Buffer.from(file.contents)] as const,
    );
    return { contents: new Map([...kept, ...made]), used, doubts };
  } catch (error) {
    return (error as Error).message.split("\n")[0]!;
  }
}
