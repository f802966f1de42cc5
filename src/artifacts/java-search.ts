import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";

/** A Java installation of this machine. */
export interface Jdk {
  /** its real path */
  readonly home: string;
  /** as its file `release` says: 17.0.15, 1.8.0_402 */
  readonly version: string;
  readonly major: number;
}

/** Where Linux distributions, SDKMAN!, asdf and mise put Java, one folder an installation. */
const shelves = (home: string): string[] => [
  "/usr/lib/jvm",
  "/usr/java",
  "/opt/java",
  "/usr/local",
  join(home, ".sdkman/candidates/java"),
  join(home, ".asdf/installs/java"),
  join(home, ".local/share/mise/installs/java"),
  join(home, ".jdks"),
];

/**
 * Installations that have a JVM and say their version, each once, newest first: of PATH, and of the usual folders. Nothing
 * is executed: every JDK since 8 has a file `release` (JEP 220 for its form).
 */
export function findJdks(path: string | undefined): Jdk[] {
  const homes = new Set<string>();
  for (const directory of (path ?? "").split(delimiter).filter((each) => each.startsWith("/"))) {
    const program = join(directory, "java");
    if (existsSync(program)) homes.add(dirname(dirname(realpathSync(program))));
  }
  for (const shelf of shelves(homedir())) {
    for (const name of children(shelf)) {
      const home = join(shelf, name);
      if (existsSync(join(home, "bin", "java"))) homes.add(realpathSync(home));
    }
  }
  return [...homes]
    .map(jdkAt)
    .filter((jdk) => jdk !== undefined)
    .sort((a, b) => b.version.localeCompare(a.version, "en", { numeric: true }));
}

function jdkAt(home: string): Jdk | undefined {
  // Debian's Java 8 is a JDK around a JRE, whose `java` PATH may name.
  const file = [join(home, "release"), join(home, "..", "release")].find(existsSync);
  if (file === undefined || !existsSync(join(home, "bin", "java"))) return undefined;
  const version = /^JAVA_VERSION="([^"]+)"/m.exec(readFileSync(file, "utf8"))?.[1];
  if (version === undefined) return undefined;
  const numbers = version.split(/[._+-]/).map(Number);
  return { home, version, major: (numbers[0] === 1 ? numbers[1] : numbers[0]) ?? 0 };
}

function children(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
