import { execFile } from "node:child_process";
import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** What a Ruby says about itself. */
export interface Ruby {
  /** exact: 3.3.6 */
  readonly version: string;
  /** the version that gems are kept under: 3.3.0 */
  readonly abi: string;
  /** absolute path of the program inside its installation */
  readonly executable: string;
  readonly prefix: string;
  /** directory of libruby, when the program is linked to it; null otherwise */
  readonly libraryDirectory: string | null;
}

const question = `
require "rbconfig"
exit 1 unless RUBY_ENGINE == "ruby"
of = RbConfig::CONFIG
fields = [RUBY_VERSION, of["ruby_version"], RbConfig.ruby, of["prefix"], of["ENABLE_SHARED"] == "yes" ? of["libdir"] : ""]
puts fields.join("\\n")`;

/** Answers by path, size and time of change: a program that has not changed is not asked again. */
const answers = new Map<string, Ruby>();

/** Every CRuby of PATH and of the folders where rbenv, RVM, ruby-install, asdf and mise put them. Broken ones are left out. */
export async function findRubies(path: string | undefined): Promise<Ruby[]> {
  const found = await Promise.all([...programs(path)].map(ask));
  return found.filter((ruby) => ruby !== undefined);
}

function programs(path: string | undefined): Set<string> {
  const home = homedir();
  const shelves = [
    ".rbenv/versions",
    ".rvm/rubies",
    ".rubies",
    ".asdf/installs/ruby",
    ".local/share/mise/installs/ruby",
  ];
  const directories = [
    // shims of version managers are scripts that choose one of the installations below
    ...(path ?? "").split(delimiter).filter((directory) => directory.startsWith("/") && !directory.endsWith("/shims")),
    ...[...shelves.map((shelf) => join(home, shelf)), "/opt/rubies"].flatMap((shelf) =>
      children(shelf).map((name) => join(shelf, name, "bin")),
    ),
  ];
  const found = new Set<string>();
  for (const directory of directories) {
    for (const name of children(directory).filter((child) => /^ruby(\d\.\d)?$/.test(child))) {
      const program = join(directory, name);
      if (existsSync(program)) found.add(realpathSync(program));
    }
  }
  return found;
}

function children(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function ask(program: string): Promise<Ruby | undefined> {
  const { size, mtimeMs } = statSync(program);
  const key = `${program}:${size}:${mtimeMs}`;
  const known = answers.get(key);
  if (known !== undefined) return Promise.resolve(known);
  return new Promise((resolve) => {
    execFile(program, ["--disable-gems", "-e", question], { timeout: 10_000 }, (error, output) => {
      const [version, abi, executable, prefix, library] = output.split("\n");
      if (error !== null || !version || !abi || !executable || !prefix) return resolve(undefined);
      const answer: Ruby = { version, abi, executable, prefix, libraryDirectory: library || null };
      answers.set(key, answer);
      resolve(answer);
    });
  });
}
