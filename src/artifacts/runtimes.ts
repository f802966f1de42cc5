import type { RuntimeDistribution, RuntimeStatus } from "./artifacts.ts";
import { RuntimeUnavailable } from "./artifacts.ts";
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

type Make = (needs: RuntimesNeeds) => RuntimeFamily;

/** By how names begin; loaded when one of the kind is first asked for, for a platform mostly runs one or two of them. */
const families: readonly { readonly names: RegExp; readonly load: () => Promise<Make> }[] = [
  { names: /^nodejs/, load: async () => (await import("./node-runtimes.ts")).createNodeRuntimes },
  { names: /^python/, load: async () => (await import("./python-runtimes.ts")).createPythonRuntimes },
  { names: /^java/, load: async () => (await import("./java-runtimes.ts")).createJavaRuntimes },
  { names: /^ruby/, load: async () => (await import("./ruby-runtimes.ts")).createRubyRuntimes },
  { names: /^dotnet/, load: async () => (await import("./dotnet-runtimes.ts")).createDotnetRuntimes },
  { names: /^(?:provided|go1)/, load: async () => (await import("./provided-runtimes.ts")).createProvidedRuntimes },
];

export function createRuntimes(needs: RuntimesNeeds): Runtimes {
  const lazily = families.map(({ names, load }) => {
    let made: Promise<RuntimeFamily> | undefined;
    const family = () => {
      made ??= load().then((make) => make(needs));
      return made;
    };
    return { names, family };
  });
  const flights = createSingleFlight<RuntimeDistribution>();
  return {
    async get(name) {
      const family = await lazily.find(({ names }) => names.test(name))?.family();
      if (!family?.knows(name)) throw new RuntimeUnavailable(name, `${name} is not a runtime of Lambda.`);
      return flights.get(name, () => family.get(name));
    },
    list: async () => (await Promise.all(lazily.map(async ({ family }) => (await family()).list()))).flat(),
  };
}
