import { constants } from "node:fs";
import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CommandFailure } from "../failure.ts";
import { dotnet } from "./detect-dotnet.ts";
import { java } from "./detect-java.ts";
import { ruby, rubyFiles, rubyMethods } from "./detect-ruby.ts";
import { nodeRuntime, pythonRuntime } from "./detect-runtime.ts";

/** What a folder's code says about itself. */
export interface Detected {
  readonly runtime: string;
  readonly handler: string;
  /** name of the package, if it has one */
  readonly name: string | undefined;
  /** one sentence: what it was found from */
  readonly because: string;
}

interface Given {
  readonly runtime: string | undefined;
  readonly handler: string | undefined;
}

const nodeFiles = ["index", "handler", "app", "main", "lambda"].flatMap((stem) =>
  [".mjs", ".js", ".cjs"].map((extension) => stem + extension),
);
const nodeExports = ["handler", "lambdaHandler", "lambda_handler"];
const pythonFiles = ["lambda_function.py", "app.py", "main.py", "handler.py", "index.py"];
const pythonFunctions = ["lambda_handler", "handler"];

/**
 * Finds runtime and handler of the code in a folder; what is given is kept. Rejects with a CommandFailure that lists what
 * was looked for, or says how to build what is there.
 */
export async function detect(folder: string, given: Given): Promise<Detected> {
  const files = new Set(await readdir(folder));
  const manifest = files.has("package.json") ? await readManifest(join(folder, "package.json")) : undefined;
  const name = typeof manifest?.name === "string" ? manifest.name.replace(/^@[^/]*\//, "") : undefined;
  if (given.runtime !== undefined && given.handler !== undefined) {
    return { runtime: given.runtime, handler: given.handler, name, because: "as given" };
  }
  const language = given.runtime?.replace(/[0-9].*$/, "");
  const found =
    (fits(language, "provided.al") && (await bootstrap(folder, files))) ||
    (fits(language, "nodejs") && (await node(folder, manifest, given.handler))) ||
    (fits(language, "python") && (await python(folder, given.handler))) ||
    (fits(language, "ruby") && (await ruby(folder, given.handler))) ||
    (fits(language, "dotnet") && (await dotnet(folder, given.handler))) ||
    (fits(language, "java") && (await java(folder, given.handler))) ||
    undefined;
  if (found === undefined) throw await nothingFound(folder, files);
  return { name, ...found, runtime: given.runtime ?? found.runtime, handler: given.handler ?? found.handler };
}

type Found = Omit<Detected, "name">;

const fits = (given: string | undefined, language: string): boolean =>
  given === undefined ||
  given === language ||
  (language === "dotnet" && given === "dotnetcore") ||
  (language === "provided.al" && given.startsWith("provided"));

async function bootstrap(folder: string, files: ReadonlySet<string>): Promise<Found | undefined> {
  if (!files.has("bootstrap")) return undefined;
  try {
    await access(join(folder, "bootstrap"), constants.X_OK);
  } catch {
    throw new CommandFailure(`${join(folder, "bootstrap")} is not executable, so it could not start.`, {
      next: `chmod +x ${join(folder, "bootstrap")}`,
    });
  }
  return { runtime: "provided.al2023", handler: "bootstrap", because: "executable file bootstrap" };
}

async function node(
  folder: string,
  manifest: Manifest | undefined,
  handler: string | undefined,
): Promise<Found | undefined> {
  const runtime = nodeRuntime(manifest?.engines?.node);
  if (handler !== undefined) {
    const stem = handlerStem(handler);
    for (const file of [".mjs", ".js", ".cjs"].map((extension) => stem + extension)) {
      if ((await readIfThere(join(folder, file))) !== undefined) return { runtime, handler, because: file };
    }
    return undefined;
  }
  const main = typeof manifest?.main === "string" ? [manifest.main.replace(/^\.\//, "")] : [];
  const withoutHandler: string[] = [];
  for (const file of new Set([...main, ...nodeFiles])) {
    const source = await readIfThere(join(folder, file));
    if (source === undefined) continue;
    const name = nodeExports.find((each) => exportsName(source, each));
    if (name !== undefined) {
      const stem = file.replace(/\.[cm]?js$/, "");
      return { runtime, handler: `${stem}.${name}`, because: `${file} exports ${name}` };
    }
    withoutHandler.push(file);
  }
  if (withoutHandler.length === 0) return undefined;
  throw new CommandFailure(
    `${withoutHandler.join(", ")} in ${folder}: none exports ${nodeExports.join(", ")} that I can see.`,
    { next: `name it: --handler ${withoutHandler[0]?.replace(/\.[cm]?js$/, "")}.NAME` },
  );
}

/** `src/index.handler` → `src/index`: the module's path ends at the first dot of its last segment. */
function handlerStem(handler: string): string {
  const slash = handler.lastIndexOf("/");
  const dot = handler.indexOf(".", slash + 1);
  return dot === -1 ? handler : handler.slice(0, dot);
}

/** Looks at the text only: running a customer's module to see its exports would run its side effects on this machine. */
function exportsName(source: string, name: string): boolean {
  return [
    `exports\\.${name}\\s*=`,
    `exports\\[['"]${name}['"]\\]\\s*=`,
    `module\\.exports\\s*=\\s*\\{[^}]*\\b${name}\\b`,
    `export\\s+(?:const|let|var|async\\s+function|function)\\s*\\*?\\s*${name}\\b`,
    `export\\s*\\{[^}]*\\b${name}\\b[^}]*\\}`,
    // what esbuild makes of `export const handler` in its CommonJS output
    `__export\\([^)]*\\b${name}:\\s*\\(\\)\\s*=>`,
  ].some((pattern) => new RegExp(pattern).test(source));
}

async function python(folder: string, handler: string | undefined): Promise<Found | undefined> {
  if (handler !== undefined) {
    const file = `${handlerStem(handler)}.py`;
    if ((await readIfThere(join(folder, file))) === undefined) return undefined;
    return { runtime: await pythonRuntime(folder), handler, because: file };
  }
  for (const file of pythonFiles) {
    const source = await readIfThere(join(folder, file));
    if (source === undefined) continue;
    const name = pythonFunctions.find((each) =>
      new RegExp(`^(?:async\\s+)?(?:def\\s+${each}\\s*\\(|${each}\\s*=)`, "m").test(source),
    );
    if (name === undefined) continue;
    const found = { runtime: await pythonRuntime(folder), handler: `${file.slice(0, -3)}.${name}` };
    return { ...found, because: `${file} defines ${name}` };
  }
  return undefined;
}

async function nothingFound(folder: string, files: ReadonlySet<string>): Promise<CommandFailure> {
  const sources: readonly (readonly [RegExp, string, string])[] = [
    [
      /^(index|handler|app|main|lambda)\.[cm]?ts$/,
      "is TypeScript, which has to be compiled first",
      "npx esbuild FILE --bundle --platform=node --outfile=dist/index.js && thaw deploy dist",
    ],
    [
      /^go\.mod$/,
      "is a Go module that has to be built first",
      "CGO_ENABLED=0 go build -o dist/bootstrap . && thaw deploy dist",
    ],
    [
      /^Cargo\.toml$/,
      "is a Rust crate that has to be built first",
      "cargo build --release, copy the binary to dist/bootstrap, then thaw deploy dist",
    ],
    [/^template\.(ya?ml|json)$/, "is a template", "thaw deploy FOLDER/FILE"],
    [
      /^pom\.xml$/,
      "is a Java project that has to be built first",
      "mvn package, unpack the jar that it makes to dist, then thaw deploy dist",
    ],
    [
      /^build\.gradle(\.kts)?$/,
      "is a Java project that has to be built first",
      "gradle build, unpack the zip or jar that it makes to dist, then thaw deploy dist",
    ],
    [
      /\.(cs|fs)proj$/,
      "is a .NET project that has to be built first",
      "dotnet publish -o dist, then thaw deploy dist --handler ASSEMBLY::NAMESPACE.CLASS::METHOD",
    ],
  ];
  for (const [pattern, what, next] of sources) {
    const file = [...files].find((each) => pattern.test(each));
    if (file !== undefined) {
      return new CommandFailure(`${join(folder, file)} ${what}.`, {
        next: next.replace("FOLDER/FILE", join(folder, file)).replace("FILE", file),
      });
    }
  }
  return new CommandFailure(
    `No function found in ${folder}. Looked for an executable bootstrap; ${nodeFiles.slice(0, 3).join(", ")} and the same ` +
      `for handler, app, main, lambda (or package.json's main) exporting ${nodeExports.join(", ")}; ` +
      `${pythonFiles.join(", ")} defining ${pythonFunctions.join(" or ")}; ` +
      `${rubyFiles.join(", ")} defining ${rubyMethods.join(" or ")}; a class with an interface of Lambda's; a published .NET assembly.`,
    { next: "name both yourself: --runtime nodejs24.x --handler file.export" },
  );
}

interface Manifest {
  readonly name?: unknown;
  readonly main?: unknown;
  readonly engines?: { readonly node?: unknown };
}

async function readManifest(path: string): Promise<Manifest> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Manifest;
  } catch (error) {
    throw new CommandFailure(`${path} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "EISDIR") return undefined;
    throw error;
  }
}
