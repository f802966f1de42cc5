import type { RuntimeDistribution, RuntimeStatus } from "./artifacts.ts";
import { RuntimeUnavailable } from "./artifacts.ts";
import { createDotnetRuntimes } from "./dotnet-runtimes.ts";
import { createJavaRuntimes } from "./java-runtimes.ts";
import { createNodeRuntimes } from "./node-runtimes.ts";
import { createProvidedRuntimes } from "./provided-runtimes.ts";
import { createPythonRuntimes } from "./python-runtimes.ts";
import { createRubyRuntimes } from "./ruby-runtimes.ts";
import { createSingleFlight } from "./single-flight.ts";

export interface RuntimesNeeds {
  /** cache of fetched runtimes and of what was found on this machine */
  readonly directory: string;
  /** value of PATH to search */
  readonly path: string | undefined;
  readonly log: (line: string) => void;
}

/** Runtimes of one language family. */
export interface RuntimeFamily {
  knows(name: string): boolean;
  /** Rejects with RuntimeUnavailable. */
  get(name: string): Promise<RuntimeDistribution>;
  /** Without fetching. */
  list(): Promise<readonly RuntimeStatus[]>;
}

export interface Runtimes {
  get(name: string): Promise<RuntimeDistribution>;
  list(): Promise<readonly RuntimeStatus[]>;
}

export function createRuntimes(needs: RuntimesNeeds): Runtimes {
  const families: readonly RuntimeFamily[] = [
    createNodeRuntimes(needs),
    createPythonRuntimes(needs),
    createJavaRuntimes(needs),
    createRubyRuntimes(needs),
    createDotnetRuntimes(needs),
    createProvidedRuntimes(),
  ];
  const flights = createSingleFlight<RuntimeDistribution>();
  return {
    get(name) {
      const family = families.find((candidate) => candidate.knows(name));
      if (family === undefined)
        return Promise.reject(new RuntimeUnavailable(name, `${name} is not a runtime of Lambda.`));
      return flights.get(name, () => family.get(name));
    },
    list: async () => (await Promise.all(families.map((family) => family.list()))).flat(),
  };
}
