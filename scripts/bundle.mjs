// Makes a few files of the sources (dist/bundle/), which start in half the time that hundreds of them take. npm runs it right after `npm ci`, as
// plain JavaScript with whatever Node.js the machine has. bin/thaw runs what is here only while no source is newer; without it, or if it
// cannot be made, the sources run as they are.
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const required = process.argv.includes("--required");
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const outdir = join(root, "dist", "bundle");
const unfinished = `${outdir}.${process.pid}`;

/** Rooms that are loaded by name in the middle of a call (src/platform/later.ts). */
const laterRooms = /\bload\("(\.[^"]+)\.ts"\)/g;
/** Files that threads run. */
const threads = /\bnew URL\("(\.[^"]+)\.ts", import\.meta\.url\)/g;
const within = (path) => relative(root, path).split(sep).join("/");
const laterName = (from, room) =>
  posix
    .join(posix.dirname(within(from)), room)
    .replace(/^src\//, "")
    .replaceAll("/", "-");

function entryPoints() {
  const found = { thaw: "src/cli/main.ts" };
  const folder = join(root, "src");
  for (const name of readdirSync(folder, { recursive: true })) {
    if (!name.endsWith(".ts") || name.endsWith(".test.ts")) continue;
    const path = join(folder, name);
    const text = readFileSync(path, "utf8");
    for (const [, file] of [...text.matchAll(laterRooms), ...text.matchAll(threads)]) {
      found[laterName(path, file)] = `${posix.join(posix.dirname(within(path)), file)}.ts`;
    }
  }
  return found;
}

/** Comments and imports, with which a file begins. */
const beginning = /^(?:\s|\/\/.*|\/\*[\s\S]*?\*\/|import\b[^;]*;)*/;
const builtIns = /^import (\{[^}]*\}|\* as \w+|\w+) from (["']node:[^"']+["']);/gm;

/**
 * Takes built-in modules without an import: for one, Node.js makes a namespace of all that the module has, and thereby loads
 * whatever stands behind any of it (for node:fs its streams, for node:process its workers).
 */
function takeBuiltIns(text) {
  const [head] = beginning.exec(text);
  const taken = head.replace(builtIns, (_, names, module) => {
    const bound = names
      .replace(/^\* as /, "")
      .replace(/\btype \w+(?: as \w+)?,?/g, "")
      .replace(/(\w+) as (\w+)/g, "$1: $2");
    return `const ${bound} = globalThis.process.getBuiltinModule(${module});`;
  });
  return taken + text.slice(head.length);
}

const sources = {
  name: "sources",
  setup(build) {
    build.onLoad({ filter: /\.[jt]s$/ }, ({ path }) => {
      let contents = takeBuiltIns(readFileSync(path, "utf8"))
        .replace(laterRooms, (_, room) => `load("./${laterName(path, room)}.js")`)
        .replace(threads, (_, file) => `new URL("./${laterName(path, file)}.js", bundleUrl)`)
        .replaceAll("createRequire(import.meta.url)", "createRequire(bundleUrl)");
      if (contents.includes("import.meta.")) {
        // What a source reads lies beside it: to itself it is still where it was.
        const url = `new URL(${JSON.stringify(`../../${within(path)}`)}, bundleUrl)`;
        const folder = `decodeURIComponent(new URL(".", moduleUrl).pathname)`;
        contents = `const moduleUrl = ${url}.href, moduleFolder = ${folder};${contents}`;
      }
      return { contents, loader: path.endsWith(".ts") ? "ts" : "js" };
    });
    // Packages stay where they are, but for the one that every command needs.
    build.onResolve({ filter: /^[^./]/ }, ({ path }) => (path === "commander" ? undefined : { path, external: true }));
  },
};

const common = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node24",
  sourcemap: "linked",
  legalComments: "none",
  logLevel: "error",
};

/** The files that `thaw up` loads before it listens, and no other command does. */
function beforeListening(outputs) {
  const of = (source) => Object.keys(outputs).find((path) => outputs[path].entryPoint === source);
  const imports = (path, kind) =>
    outputs[path].imports.filter((each) => each.kind === kind && !each.external).map((each) => each.path);
  const closure = (path, found = new Set()) => {
    if (found.has(path)) return found;
    found.add(path);
    for (const each of imports(path, "import-statement")) closure(each, found);
    return found;
  };
  const command = of("src/cli/main.ts");
  const up = of("src/cli/commands/up.ts");
  const others = imports(command, "dynamic-import").filter((path) => path !== up);
  const shared = new Set([command, ...others].flatMap((path) => [...closure(path)]));
  return [...new Set([...closure(up), ...closure(of("src/main.ts"))])].filter((path) => !shared.has(path));
}

/**
 * Makes one file of them, for every import of every file takes its time. Who imports one of them finds it where it was: a file
 * of the same name passes on what it had.
 */
async function joinPlatform(build, outputs) {
  const joined = beforeListening(outputs).map((path, index) => ({
    file: `./${posix.basename(path)}`,
    names: outputs[path].exports.map((name) => [name, `_${index}_${name}`]),
  }));
  const inside = new Set(joined.map(({ file }) => file));
  const contents = joined.map(({ file, names }) => {
    const renamed = names.map(([name, here]) => `${name} as ${here}`).join(", ");
    return `import "${file}"; export { ${renamed} } from "${file}";`;
  });
  const others = {
    name: "others",
    setup: (build) =>
      build.onResolve({ filter: /./ }, ({ path, kind }) =>
        kind === "import-statement" && inside.has(path) ? undefined : { path, external: true },
      ),
  };
  await build({
    ...common,
    stdin: { contents: contents.join("\n"), resolveDir: unfinished, loader: "js" },
    outfile: join(unfinished, "platform.js"),
    plugins: [others],
  });
  for (const { file, names } of joined) {
    const renamed = names.map(([name, here]) => `${here} as ${name}`).join(", ");
    writeFileSync(join(unfinished, file), `export { ${renamed} } from "./platform.js";\n`);
    rmSync(join(unfinished, `${file}.map`));
  }
}

try {
  const { build } = await import("esbuild");
  const { metafile } = await build({
    ...common,
    absWorkingDir: root,
    entryPoints: entryPoints(),
    outdir: unfinished,
    splitting: true,
    metafile: true,
    chunkNames: "[name]-[hash]",
    banner: { js: "const bundleUrl = import.meta.url;" },
    define: { "import.meta.url": "moduleUrl", "import.meta.dirname": "moduleFolder" },
    plugins: [sources],
  });
  await joinPlatform(build, metafile.outputs);
  rmSync(outdir, { recursive: true, force: true });
  renameSync(unfinished, outdir);
} catch (error) {
  // What an earlier one has made is not of these sources.
  for (const folder of [unfinished, outdir]) rmSync(folder, { recursive: true, force: true });
  console.error(`thaw: no bundle was made of the sources, so each start loads them one by one: ${error.message}`);
  process.exit(required ? 1 : 0);
}
