import { existsSync } from "node:fs";
import { join } from "node:path";
import type { RuntimeDistribution, RuntimeStatus } from "./artifacts.ts";
import { RuntimeUnavailable } from "./artifacts.ts";
import { trainArchive } from "./java-archive.ts";
import { clientDirectory, clientIsReachable, hasCompiler, provideClient } from "./java-client.ts";
import { findJdks, type Jdk } from "./java-search.ts";
import type { RuntimeFamily, RuntimesNeeds } from "./runtimes.ts";
import { bootstrapMount, commonEnv, libraryPath, programPath } from "./sandbox-paths.ts";

/** Lambda's names, newest first; older ones and those on another Amazon Linux are known too. */
const listed = ["java25", "java21", "java17", "java11", "java8.al2"];

/**
 * Java as a managed runtime: a Java installation of this machine with exactly that major version, and AWS's own runtime
 * interface client, fetched once. The archive of its classes is made in the background after the first demand.
 */
export function createJavaRuntimes(needs: RuntimesNeeds): RuntimeFamily {
  const shelf = join(needs.directory, "java");
  const find = (major: number): Jdk | undefined => findJdks(needs.path).find((jdk) => jdk.major === major);

  return {
    knows: (name) => majorOf(name) !== undefined,
    async get(name) {
      const jdk = find(majorOf(name)!);
      if (jdk === undefined)
        throw new RuntimeUnavailable(name, `No ${name} was found on this machine: ${howTo(name)}.`);
      const directory = await provideClient(name, jdk, { shelf, path: needs.path, log: needs.log });
      trainArchive(jdk, directory).catch((error: Error) =>
        needs.log(`${name}: starts without an archive of its classes, ${error.message}`),
      );
      return distribution(name, jdk, directory);
    },
    list: () =>
      Promise.resolve(
        listed.map((name): RuntimeStatus => {
          const jdk = find(majorOf(name)!);
          if (jdk === undefined) return { name, state: "missing", detail: howTo(name) };
          const detail = `Java ${jdk.version}, ${jdk.home}`;
          if (existsSync(clientDirectory(jdk, shelf))) return { name, state: "ready", detail };
          if (clientIsReachable(needs.path)) {
            return { name, state: "fetchable", detail: `${detail}; AWS's client is fetched on first use (5 MB)` };
          }
          return {
            name,
            state: "missing",
            detail: `${detail}; install maven, which fetches AWS's client on first use`,
          };
        }),
      ),
  };
}

/** java8, java8.al2, java11, java17.al2023 … */
function majorOf(name: string): number | undefined {
  const major = /^java(\d+)(\.al2|\.al2023)?$/.exec(name)?.[1];
  return major === undefined ? undefined : Number(major);
}

function howTo(name: string): string {
  const major = majorOf(name);
  return `install a JDK ${major}, for example with: apt install openjdk-${major}-jdk-headless (or sdk install java ${major}-tem)`;
}

function distribution(name: string, jdk: Jdk, directory: string): RuntimeDistribution {
  // At its own path, as are the jars: an archive of classes holds where they lie. The host's /usr is in every sandbox.
  const own = jdk.home.startsWith("/usr/") ? [] : [{ source: jdk.home, target: jdk.home }];
  return {
    name,
    version: jdk.version,
    mounts: [...own, { source: directory, target: directory }, bootstrapMount("java")],
    command: [["/bin/sh", "/var/runtime/bootstrap", join(jdk.home, "bin", "java"), String(jdk.major), directory]],
    env: {
      ...commonEnv,
      PATH: [join(jdk.home, "bin"), ...programPath].join(":"),
      LD_LIBRARY_PATH: libraryPath.join(":"),
    },
    link: "http",
    ...(hasCompiler(jdk) ? { tellsDraws: true, bare: "by memory" } : { tellsDraws: false }),
  };
}
