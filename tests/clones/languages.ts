import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program } from "../../bench/harness/processes.ts";
import { compileJava, findJdk } from "../../bench/peers/index.ts";
import type { Settings } from "../security/client.ts";
import type { Entry } from "../security/zip.ts";

const fixtures = join(import.meta.dirname, "..", "fixtures", "clones");

/** A function in one language: its files, and how they are to be run. */
export interface Code {
  readonly files: readonly Entry[];
  readonly settings: Settings;
}

/** One language of the suites. */
export interface Language {
  readonly name: "node" | "python" | "java";
  /** every runtime of it that this machine has, as Lambda calls them */
  readonly runtimes: readonly string[];
  /** the fixture of this name, to be run on one of the runtimes */
  code(fixture: string, runtime: string): Promise<Code>;
}

/** What a running platform says it can run, and what a JDK here can compile; why a language is not there. */
export async function languages(
  listed: readonly { readonly name: string; readonly state: string }[],
): Promise<{ readonly found: readonly Language[]; readonly missing: readonly string[] }> {
  const ready = listed.filter(({ state }) => state === "ready").map(({ name }) => name);
  const of = (prefix: string): string[] => ready.filter((name) => name.startsWith(prefix));
  const found: Language[] = [
    {
      name: "node",
      runtimes: of("nodejs"),
      code: async (fixture, runtime) => ({
        files: [...sources("node", [`${fixture}.js`, "package.json"]), ...certificate()],
        settings: { runtime, handler: `${fixture}.handler` },
      }),
    },
    {
      name: "python",
      runtimes: of("python"),
      code: async (fixture, runtime) => ({
        files: [...sources("python", [`${fixture}.py`]), ...certificate()],
        settings: { runtime, handler: `${fixture}.handler` },
      }),
    },
  ];
  const jdk = await findJdk().catch((error: Error) => error.message);
  const major = typeof jdk === "string" ? 0 : Number.parseInt(jdk.version, 10);
  const why = typeof jdk === "string" ? jdk : program("mvn") ? undefined : "mvn is not installed";
  if (why !== undefined || typeof jdk === "string") return { found, missing: [`java: ${why}`] };
  const managed = of("java").filter((name) => Number(name.slice(4)) === major);
  found.push({
    name: "java",
    runtimes: managed.length > 0 ? managed : ["provided.al2023"],
    async code(fixture, runtime) {
      const directory = await compileJava(jdk, join(fixtures, "java"));
      // a managed runtime finds classes at the archive's root; a runtime of one's own is the archive's bootstrap
      const strip = runtime.startsWith("java") ? /^classes\// : /^$/;
      const files = filesOf(directory).map((entry) => ({ ...entry, name: entry.name.replace(strip, "") }));
      return { files, settings: { runtime, handler: upper(fixture), memory: 1024 } };
    },
  });
  return { found, missing: [] };
}

/** Of a language's runtimes those that a short run looks at: the newest. */
export function newest({ runtimes }: Language): string {
  return [...runtimes].sort((a, b) => b.localeCompare(a, "en", { numeric: true }))[0]!;
}

function sources(language: string, names: readonly string[]): Entry[] {
  return names.map((name) => ({ name, data: readFileSync(join(fixtures, language, name)) }));
}

function filesOf(directory: string): Entry[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
    .map((path) => ({ name: path.slice(directory.length + 1), data: readFileSync(path), mode: 0o100755 }));
}

const upper = (name: string): string => name[0]!.toUpperCase() + name.slice(1);

let pair: Entry[] | undefined;

/** A key and a certificate for localhost, made for this run; none where openssl is not installed. */
function certificate(): readonly Entry[] {
  if (pair || !program("openssl")) return pair ?? [];
  const directory = mkdtempSync(join(tmpdir(), "thaw-test-certificate-"));
  try {
    const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
    const out = ["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"];
    execFileSync("openssl", [...request, ...out], { cwd: directory, stdio: "ignore" });
    pair = ["key.pem", "cert.pem"].map((name) => ({ name, data: readFileSync(join(directory, name)) }));
    return pair;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
