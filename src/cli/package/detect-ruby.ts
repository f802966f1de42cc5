import { readdir, readFile, realpath } from "node:fs/promises";
import { basename, delimiter, join } from "node:path";

export const rubyFiles = ["lambda_function.rb", "function.rb", "app.rb", "main.rb", "handler.rb", "index.rb"];
export const rubyMethods = ["lambda_handler", "handler"];

const fallback = "ruby3.4";

/** A Ruby function in a folder: a file of the usual names that defines a method of the usual names, or the file the handler names. */
export async function ruby(
  folder: string,
  handler: string | undefined,
): Promise<{ runtime: string; handler: string; because: string } | undefined> {
  const sourceOf = (file: string): Promise<string | undefined> =>
    readFile(join(folder, file), "utf8").catch(() => undefined);
  if (handler !== undefined) {
    const file = `${handler.split(".")[0]}.rb`;
    if ((await sourceOf(file)) === undefined) return undefined;
    return { runtime: await rubyRuntime(folder), handler, because: file };
  }
  for (const file of rubyFiles) {
    const source = await sourceOf(file);
    const name = rubyMethods.find((each) => new RegExp(`^def ${each}\\b`, "m").test(source ?? ""));
    if (name === undefined) continue;
    const found = { runtime: await rubyRuntime(folder), handler: `${file.slice(0, -3)}.${name}` };
    return { ...found, because: `${file} defines ${name}` };
  }
  return undefined;
}

/** The Ruby that `.ruby-version` asks for, else the one that `ruby` on the PATH is by its name. */
export async function rubyRuntime(folder: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const text = await readFile(join(folder, ".ruby-version"), "utf8").catch(() => "");
  const pinned = /^\s*(?:ruby-)?(\d+\.\d+)/m.exec(text)?.[1];
  if (pinned !== undefined) return `ruby${pinned}`;
  for (const directory of (env.PATH ?? "").split(delimiter)) {
    const program = await realpath(join(directory, "ruby")).catch(() => undefined);
    if (program === undefined) continue;
    // /usr/bin/ruby3.3, or ~/.rbenv/versions/3.3.6/bin/ruby
    const version =
      /^ruby(\d\.\d)$/.exec(basename(program))?.[1] ?? /\/(?:ruby-)?(\d\.\d)\.\d+\/bin\//.exec(program)?.[1];
    if (version !== undefined) return `ruby${version}`;
    const named = (await readdir(directory)).find((each) => /^ruby\d\.\d$/.test(each));
    if (named !== undefined) return named;
  }
  return fallback;
}
