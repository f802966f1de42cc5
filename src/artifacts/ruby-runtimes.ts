import { join } from "node:path";
import type { RuntimeDistribution, RuntimeStatus } from "./artifacts.ts";
import { RuntimeUnavailable } from "./artifacts.ts";
import { findRubies, type Ruby } from "./ruby-search.ts";
import type { RuntimeFamily, RuntimesNeeds } from "./runtimes.ts";
import { bootstrapMount, commonEnv, libraryPath, programPath } from "./sandbox-paths.ts";

/** Lambda's current names, listed even where none is found. */
const listed = ["ruby4.0", "ruby3.4", "ruby3.3", "ruby3.2"];

/** Older ones our bootstrap is not written for. */
const oldest = "2.7";

/**
 * Ruby as a managed runtime: a CRuby of this machine of exactly that minor version, and our own bootstrap. Of several, one
 * that is complete in its own prefix goes before the distribution's, then the newest.
 */
export function createRubyRuntimes(needs: RuntimesNeeds): RuntimeFamily {
  const find = async (name: string): Promise<Ruby | undefined> =>
    choose((await findRubies(needs.path)).filter((ruby) => nameOf(ruby) === name));

  return {
    knows: (name) => /^ruby\d+\.\d+$/.test(name),
    async get(name) {
      const ruby = isTooOld(name.slice("ruby".length)) ? undefined : await find(name);
      if (ruby === undefined) throw new RuntimeUnavailable(name, howTo(name));
      return distribution(name, ruby);
    },
    async list() {
      const found = (await findRubies(needs.path)).filter(({ version }) => !isTooOld(version));
      const names = [...new Set([...listed, ...found.map(nameOf)])].sort((a, b) =>
        b.localeCompare(a, "en", { numeric: true }),
      );
      return names.map((name): RuntimeStatus => {
        const ruby = choose(found.filter((each) => nameOf(each) === name));
        if (ruby === undefined) return { name, state: "missing", detail: howTo(name) };
        return { name, state: "ready", detail: `Ruby ${ruby.version}, ${ruby.executable}` };
      });
    },
  };
}

const nameOf = (ruby: Ruby): string => `ruby${ruby.version.split(".").slice(0, 2).join(".")}`;

const isTooOld = (version: string): boolean => version.localeCompare(oldest, "en", { numeric: true }) < 0;

function choose(candidates: readonly Ruby[]): Ruby | undefined {
  const rank = (ruby: Ruby): number => (isOutsideUsr(ruby) ? 1 : 0);
  return candidates.toSorted(
    (a, b) => rank(b) - rank(a) || b.version.localeCompare(a.version, "en", { numeric: true }),
  )[0];
}

/** The host's /usr is part of every sandbox; anything else has to be mounted. */
function isOutsideUsr(ruby: Ruby): boolean {
  return ruby.prefix !== "/usr" && !ruby.prefix.startsWith("/usr/");
}

function distribution(name: string, ruby: Ruby): RuntimeDistribution {
  const own = isOutsideUsr(ruby);
  return {
    name,
    version: ruby.version,
    // At its own path: a Ruby and its library know where they were installed.
    mounts: [...(own ? [{ source: ruby.prefix, target: ruby.prefix }] : []), bootstrapMount("ruby")],
    // The bootstrap loads RubyGems when a function needs it: that is nine tenths of an interpreter's start.
    command: [[ruby.executable, "--disable-gems", "/var/runtime/bootstrap.rb"]],
    env: {
      ...commonEnv,
      PATH: [...(own ? [join(ruby.prefix, "bin")] : []), ...programPath].join(":"),
      LD_LIBRARY_PATH: [...(own && ruby.libraryDirectory !== null ? [ruby.libraryDirectory] : []), ...libraryPath].join(
        ":",
      ),
      GEM_PATH: `/var/task/vendor/bundle/ruby/${ruby.abi}:/opt/ruby/gems/${ruby.abi}`,
      GEM_HOME: "/var/runtime",
      RUBYLIB: "/var/task:/var/runtime/lib:/opt/ruby/lib",
    },
    link: "frames",
    tellsDraws: true,
    bare: "any",
  };
}

function howTo(name: string): string {
  const version = name.slice("ruby".length);
  if (isTooOld(version)) return `${name} is not offered; use ruby${oldest} or later.`;
  return `No ${name} was found on this machine: install Ruby ${version}, for example with: rbenv install ${version} (or apt install ruby).`;
}
