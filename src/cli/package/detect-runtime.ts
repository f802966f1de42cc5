import { readdir, readFile, realpath } from "node:fs/promises";
import { basename, delimiter, join } from "node:path";

/** Newest first of those that AWS has in long-term support; the first that package.json allows is taken. */
const nodeMajors = [24, 22, 20, 18, 26];

/** `engines.node` of package.json → a managed runtime. Understands majors with ^ ~ >= > <= < = x, joined by spaces or ||. */
export function nodeRuntime(range: unknown): string {
  const major = typeof range === "string" ? nodeMajors.find((each) => allows(range, each)) : undefined;
  return `nodejs${major ?? nodeMajors[0]}.x`;
}

function allows(range: string, major: number): boolean {
  return range.split("||").some((alternative) => {
    const comparators = [...alternative.matchAll(/(>=|<=|>|<|\^|~|=)?\s*v?(\d+)((?:\.[\dx*]+)*)/g)];
    return comparators.every(([, operator, digits, rest]) => {
      const bound = Number(digits);
      // `<20` and `<20.0.0` exclude 20 altogether, `<20.5` does not
      const whole = !/[1-9]/.test(rest ?? "");
      if (operator === ">=") return major >= bound;
      if (operator === ">") return whole && rest === "" ? major > bound : major >= bound;
      if (operator === "<=") return major <= bound;
      if (operator === "<") return whole ? major < bound : major <= bound;
      return major === bound;
    });
  });
}

const fallback = "python3.13";

/**
 * The Python that the folder asks for (`.python-version`), else the one that `python3` on the PATH is, since the functions
 * run with interpreters found on this machine.
 */
export async function pythonRuntime(folder: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const pinned = await firstVersion(join(folder, ".python-version"));
  if (pinned !== undefined) return pinned;
  for (const directory of (env.PATH ?? "").split(delimiter)) {
    // pyenv puts scripts there that choose a version when they are run; its own file says which
    if (basename(directory) === "shims") {
      const version = await firstVersion(join(directory, "..", "version"));
      if (version !== undefined) return version;
      continue;
    }
    const interpreter = await realpath(join(directory, "python3")).catch(() => undefined);
    const version = /^python(3\.\d+)$/.exec(basename(interpreter ?? ""))?.[1];
    if (version !== undefined) return `python${version}`;
    if (interpreter !== undefined) {
      const siblings = await readdir(directory);
      const named = siblings.find((each) => /^python3\.\d+$/.test(each));
      if (named !== undefined) return named;
    }
  }
  return fallback;
}

/** The first `3.x` of a pyenv version file. */
async function firstVersion(path: string): Promise<string | undefined> {
  const text = await readFile(path, "utf8").catch(() => "");
  const version = /^\s*(?:python-)?(3\.\d+)/m.exec(text)?.[1];
  return version === undefined ? undefined : `python${version}`;
}
