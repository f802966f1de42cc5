import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { RuntimeUnavailable } from "./artifacts.ts";
import { withFetchLock } from "./fetch-lock.ts";
import type { Jdk } from "./java-search.ts";
import { bootstrapMount } from "./sandbox-paths.ts";
import { readLarge } from "./zip-data.ts";
import { readZipDirectory } from "./zip-directory.ts";

const run = promisify(execFile);

interface Jar {
  readonly group: string;
  readonly artifact: string;
  readonly version: string;
  readonly sha256: string;
}

/** AWS's runtime interface client for Java and what it needs to run: pinned, whatever a repository answers. */
const jars: readonly Jar[] = [
  {
    group: "com.amazonaws",
    artifact: "aws-lambda-java-runtime-interface-client",
    version: "2.9.0",
    sha256: "26568a5f63bf9e921567e77661be425650abc8972bae2aa0b7e99bab4e4239d9",
  },
  {
    group: "com.amazonaws",
    artifact: "aws-lambda-java-core",
    version: "1.4.0",
    sha256: "575c24393cc1ad645e83e618956eabd89ffe8cc09efae2cb62bc6589154d68ed",
  },
  {
    group: "com.amazonaws",
    artifact: "aws-lambda-java-serialization",
    version: "1.2.0",
    sha256: "1513c1f945a3213f916a4b2de1760c97b51d84d110f82bbbcf9cfac53d5651e7",
  },
  {
    group: "software.amazon.awssdk",
    artifact: "utils-lite",
    version: "2.34.0",
    sha256: "efaf784f07ae526f0b5c89d71ef21cf16636131c47d44616e3df9bedc3f4f89a",
  },
];

const fileOf = (jar: Jar): string => `${jar.artifact}-${jar.version}.jar`;

/** Its native half, for the C library and processor of this machine: `linux-x86_64`. Loaded from where it lies, not from /tmp. */
const nativeEntry = `jni/libaws-lambda-jni.linux-${process.arch === "arm64" ? "aarch_64" : "x86_64"}.so`;

/**
 * thaw.jar names the client's jars, so that `java -jar` needs no class path; opens what thaw.Uniqueness and thaw.Draws reach, of which
 * options would make the JVM ignore parts of its archive; and says that native code is meant, of which Java warns since 24
 * (JEP 472). Jar File Specification, "Main Attributes".
 */
const manifest = [
  "Main-Class: thaw.Main",
  `Class-Path: ${jars.map((jar) => `lib/${fileOf(jar)}`).join(" ")}`,
  `Add-Opens: ${["java.io", "java.lang", "java.lang.invoke", "java.util", "java.util.concurrent", "sun.security.provider"].map((name) => `java.base/${name}`).join(" ")}`,
  "Enable-Native-Access: ALL-UNNAMED",
  "",
].join("\n");

export interface JavaClientNeeds {
  /** directory of the Java runtimes, theirs alone */
  readonly shelf: string;
  readonly path: string | undefined;
  readonly log: (line: string) => void;
}

/** The directory a JDK's functions are started from, whether it is there yet or not. */
export function clientDirectory(jdk: Jdk, shelf: string): string {
  return join(shelf, `${jdk.version}-${digestOf(jdk)}`);
}

/** What the directory depends on: client, our own sources, and the very JVM (an archive of classes fits no other). */
function digestOf(jdk: Jdk): string {
  const hash = createHash("sha256").update(JSON.stringify([jars, nativeEntry, manifest, jdk.home, hasCompiler(jdk)]));
  for (const file of sources()) hash.update(readFileSync(file));
  for (const file of ["lib/modules", "lib/rt.jar", "lib/server/libjvm.so"].map((name) => join(jdk.home, name))) {
    const found = statSync(file, { throwIfNoEntry: false });
    hash.update(`${found?.size}:${found?.mtimeMs};`);
  }
  return hash.digest("hex").slice(0, 16);
}

function sources(): string[] {
  const folder = join(bootstrapMount("java").source, "thaw");
  return readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));
}

export const hasCompiler = (jdk: Jdk): boolean => existsSync(join(jdk.home, "bin", "javac"));

/** Can the client be had: from the user's own Maven repository, or with Maven? */
export function clientIsReachable(path: string | undefined): boolean {
  if (jars.every((jar) => existsSync(inRepository(jar)))) return true;
  return (path ?? "").split(delimiter).some((directory) => existsSync(join(directory, "mvn")));
}

const inRepository = (jar: Jar): string =>
  join(homedir(), ".m2", "repository", ...jar.group.split("."), jar.artifact, jar.version, fileOf(jar));

/**
 * The directory that functions of this JDK are started from, made if it is not there: `lib/` with the client's jars and
 * its native half, and `thaw.jar`, compiled by the JDK's own compiler if it has one.
 *
 * @returns its path. Rejects with RuntimeUnavailable.
 */
export async function provideClient(runtime: string, jdk: Jdk, needs: JavaClientNeeds): Promise<string> {
  const directory = clientDirectory(jdk, needs.shelf);
  if (existsSync(directory)) return directory;
  return withFetchLock(join(needs.shelf, ".lock"), async () => {
    if (existsSync(directory)) return directory;
    const unfinished = join(needs.shelf, `.unfinished-${randomUUID()}`);
    try {
      mkdirSync(join(unfinished, "lib"), { recursive: true });
      await fetchJars(runtime, unfinished, needs.log);
      await unpackNative(join(unfinished, "lib"));
      if (hasCompiler(jdk)) await compile(jdk, unfinished);
      await rename(unfinished, directory);
      return directory;
    } catch (error) {
      if (error instanceof RuntimeUnavailable) throw error;
      throw new RuntimeUnavailable(runtime, `${runtime} could not be prepared: ${(error as Error).message}`, {
        cause: error,
      });
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  });
}

async function fetchJars(runtime: string, unfinished: string, log: (line: string) => void): Promise<void> {
  const target = join(unfinished, "lib");
  if (jars.every((jar) => isGenuine(jar, inRepository(jar)))) {
    for (const jar of jars) copyFileSync(inRepository(jar), join(target, fileOf(jar)));
    return;
  }
  log(`${runtime}: fetching AWS's runtime interface client through Maven (5 MB) …`);
  const fetched = join(unfinished, "fetched");
  const project = join(bootstrapMount("java").source, "pom.xml");
  const goal = ["dependency:copy-dependencies", `-DoutputDirectory=${fetched}`];
  await run("mvn", ["--quiet", "--batch-mode", "--file", project, ...goal], { cwd: unfinished }).catch((error) => {
    const { code, stdout = "" } = error as NodeJS.ErrnoException & { stdout?: string };
    const why = code === "ENOENT" ? "mvn does not start; install maven" : `mvn failed: ${stdout.trim().slice(-2000)}`;
    throw new RuntimeUnavailable(runtime, `${runtime} could not be fetched: ${why}`, { cause: error });
  });
  for (const jar of jars) {
    const path = join(fetched, fileOf(jar));
    if (!isGenuine(jar, path)) {
      const message = `${runtime} could not be fetched: ${fileOf(jar)} is not the file that AWS published`;
      throw new RuntimeUnavailable(runtime, message);
    }
    copyFileSync(path, join(target, fileOf(jar)));
  }
  await rm(fetched, { recursive: true });
}

function isGenuine(jar: Jar, path: string): boolean {
  return existsSync(path) && createHash("sha256").update(readFileSync(path)).digest("hex") === jar.sha256;
}

async function unpackNative(lib: string): Promise<void> {
  const zip = readFileSync(join(lib, fileOf(jars[0]!)));
  const entry = (await readZipDirectory(zip)).entries.find(({ path }) => path === nativeEntry);
  if (entry === undefined) throw new Error(`${fileOf(jars[0]!)} holds no ${nativeEntry}`);
  const chunks: Buffer[] = [];
  for await (const chunk of readLarge(zip, entry)) chunks.push(chunk);
  writeFileSync(join(lib, "libaws-lambda-jni.so"), Buffer.concat(chunks), { mode: 0o755 });
}

async function compile(jdk: Jdk, into: string): Promise<void> {
  const classes = join(into, "classes");
  const tool = (name: string, args: readonly string[]) => run(join(jdk.home, "bin", name), [...args]);
  await tool("javac", ["-cp", join(into, "lib", "*"), "-d", classes, ...sources()]);
  const attributes = join(into, "manifest.txt");
  writeFileSync(attributes, manifest);
  await tool("jar", ["cfm", join(into, "thaw.jar"), attributes, "-C", classes, "."]);
  await rm(attributes);
  await rm(classes, { recursive: true });
}
