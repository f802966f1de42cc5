import { join } from "node:path";
import type { RuntimeDistribution, RuntimeStatus } from "./artifacts.ts";
import { RuntimeUnavailable } from "./artifacts.ts";
import { buildBootstrap, isBuildable } from "./dotnet-build.ts";
import { fetchDotnet, fetched, isFetchable } from "./dotnet-fetch.ts";
import { type Dotnet, findDotnets } from "./dotnet-search.ts";
import type { RuntimeFamily, RuntimesNeeds } from "./runtimes.ts";
import { bootstrapMount, commonEnv, libraryPath, programPath } from "./sandbox-paths.ts";

/** Lambda's names and the versions that they mean. */
const versions: Readonly<Record<string, string>> = {
  dotnet10: "10.0.",
  dotnet8: "8.0.",
  dotnet6: "6.0.",
  "dotnetcore3.1": "3.1.",
};

/**
 * .NET as a managed runtime: a runtime of this machine of exactly that version, or for .NET Core 3.1 one that pip brings,
 * and our own bootstrap, compiled here on the first demand.
 */
export function createDotnetRuntimes(needs: RuntimesNeeds): RuntimeFamily {
  const shelf = join(needs.directory, "dotnet");
  const find = (name: string): Dotnet | undefined =>
    [...findDotnets(needs.path), fetched(shelf)]
      .filter((each) => each !== undefined)
      .find(({ version }) => version.startsWith(versions[name]!));
  const canFetch = (name: string): boolean => name === "dotnetcore3.1" && isFetchable(needs.path);

  return {
    knows: (name) => versions[name] !== undefined,
    async get(name) {
      let dotnet = find(name);
      if (dotnet === undefined && canFetch(name)) dotnet = await fetchDotnet(name, shelf, needs.log);
      if (dotnet === undefined) throw new RuntimeUnavailable(name, howTo(name));
      const bootstrap = await buildBootstrap(shelf, dotnet, needs.path).catch((error: Error) => {
        const message = `${name} could not be prepared: ${error.message}`;
        throw new RuntimeUnavailable(name, message, { cause: error });
      });
      return distribution(name, dotnet, bootstrap);
    },
    list: () => Promise.resolve(Object.keys(versions).map((name) => status(name, find(name), canFetch(name)))),
  };

  function status(name: string, dotnet: Dotnet | undefined, fetchable: boolean): RuntimeStatus {
    if (dotnet === undefined && !fetchable) return { name, state: "missing", detail: howTo(name) };
    if (!isBuildable(shelf, dotnet, needs.path)) {
      const detail = "the bootstrap is compiled on first use: install mono-mcs or a .NET SDK";
      return { name, state: "missing", detail };
    }
    if (dotnet !== undefined) return { name, state: "ready", detail: `.NET ${dotnet.version}, ${dotnet.root}` };
    return { name, state: "fetchable", detail: "fetched through pip on first use (31 MB)" };
  }
}

function howTo(name: string): string {
  const version = versions[name]!.slice(0, -1);
  return `No ${name} was found on this machine: install the dotnet runtime or SDK ${version}.`;
}

function distribution(name: string, dotnet: Dotnet, bootstrap: string): RuntimeDistribution {
  // At their own paths. The host's /usr is in every sandbox.
  const own = dotnet.root.startsWith("/usr/") ? [] : [{ source: dotnet.root, target: dotnet.root }];
  return {
    name,
    version: dotnet.version,
    mounts: [...own, { source: bootstrap, target: bootstrap }, bootstrapMount("dotnet")],
    command: [["/bin/sh", "/var/runtime/bootstrap", join(dotnet.root, "dotnet"), dotnet.version, bootstrap]],
    env: {
      ...commonEnv,
      PATH: [dotnet.root, ...programPath].join(":"),
      LD_LIBRARY_PATH: libraryPath.join(":"),
      DOTNET_ROOT: dotnet.root,
    },
    link: "http",
    tellsDraws: false,
  };
}
