import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { program } from "../harness/processes.ts";
import { cached, command, digest, fixtures } from "./cache.ts";

/** A JDK that a sandbox can see. */
export interface Jdk {
  /** its real path, below /usr */
  readonly home: string;
  /** as `java -version` says it: `25.0.3` */
  readonly version: string;
}

/** The Java functions: their files as a zip wants them, and how a fresh JVM runs the same handler. */
export interface JavaFunctions {
  readonly directory: string;
  /** command that starts AWS's client outside; the handler's class is to be added */
  readonly client: readonly string[];
  /** command that prints a handler's first answer, without any client; the handler's class is to be added */
  readonly bare: readonly string[];
  /** command that says `idle` and does nothing more */
  readonly idle: readonly string[];
}

/** Sources of the benchmarks' functions, and the bootstrap and dependencies of every function compiled here. */
const own = join(fixtures, "java");

/** Where Linux distributions and people put JDKs. */
const shelves = ["/usr/lib/jvm", "/usr/java", "/usr/local"];

/** Files without which no JVM starts, and which Debian's own packages keep under /etc. */
const vital = ["bin/java", "lib/jvm.cfg", "conf/security/java.security"];

/**
 * The newest JDK (17 or later) whose vital files all lie below /usr, which is what a sandbox sees of the machine.
 * Rejects with the reason when there is none.
 */
export async function findJdk(): Promise<Jdk> {
  const homes = new Set<string>();
  const java = program("java");
  if (java) homes.add(dirname(dirname(realpathSync(java))));
  for (const shelf of shelves.filter((path) => existsSync(path))) {
    for (const name of readdirSync(shelf)) homes.add(realpathSync(join(shelf, name)));
  }
  const jdks = [...homes].filter((home) => existsSync(join(home, "bin", "javac")));
  if (jdks.length === 0) throw new Error(`no JDK is installed (${shelves.join(", ")})`);
  const found: Jdk[] = [];
  for (const home of jdks.filter(visible)) {
    const version = /JAVA_VERSION="([^"]+)"/.exec(await command("cat", ["release"], home))?.[1];
    if (version !== undefined && Number.parseInt(version, 10) >= 17) found.push({ home, version });
  }
  const newest = found.sort((a, b) => b.version.localeCompare(a.version, "en", { numeric: true }))[0];
  if (!newest) throw new Error(`no JDK of version 17 or later with all its files below /usr: ${jdks.join(", ")}`);
  return newest;
}

function visible(home: string): boolean {
  return vital.every((file) => {
    const path = join(home, file);
    return existsSync(path) && realpathSync(path).startsWith("/usr/");
  });
}

/** Flags of AWS's own Java runtimes that have an effect on a start. */
const flags = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"];

/** The Java functions of the benchmarks. `withinMs`: how long Maven may take. */
export async function javaFunctions(jdk: Jdk, withinMs = 180000): Promise<JavaFunctions> {
  const directory = await compileJava(jdk, own, withinMs);
  const classPath = `${join(directory, "classes")}:${join(directory, "lib", "*")}`;
  const jvm = [join(jdk.home, "bin", "java"), ...flags, "-cp", classPath];
  const client = [...jvm, "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"];
  return { directory, client, bare: [...jvm, "Outside"], idle: [...jvm, "Idle"] };
}

/**
 * Compiles the sources of a folder into a function of `provided.al2023` whose bootstrap runs AWS's client on this JDK;
 * the client and its interfaces come by Maven, which is given up after `withinMs`. Returns the function's directory.
 */
export function compileJava({ home, version }: Jdk, source: string, withinMs = 180000): Promise<string> {
  return cached(`java-${version}-${digest(own)}-${digest(source)}`, async (target) => {
    cpSync(join(own, "bootstrap"), join(target, "bootstrap"));
    chmodSync(join(target, "bootstrap"), 0o755);
    writeFileSync(join(target, "jvm"), `${[join(home, "bin", "java"), ...flags, "-cp", "classes:lib/*"].join(" ")}\n`);
    const maven = ["-q", "-B", "-f", join(own, "pom.xml"), "dependency:copy-dependencies"];
    await command("mvn", [...maven, `-DoutputDirectory=${join(target, "lib")}`], target, {}, withinMs);
    mkdirSync(join(target, "classes"));
    const sources = readdirSync(source).filter((name) => name.endsWith(".java"));
    const javac = ["--release", "17", "-cp", join(target, "lib", "*"), "-d", join(target, "classes")];
    await command(join(home, "bin", "javac"), [...javac, ...sources], source);
  });
}
