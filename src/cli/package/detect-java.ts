import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CommandFailure } from "../failure.ts";

/** Lambda's runtimes and the newest class files that each can load (JVM Specification, table 4.1-A: Java N is 44 + N). */
const runtimes: readonly (readonly [number, string])[] = [
  [8, "java8.al2"],
  [11, "java11"],
  [17, "java17"],
  [21, "java21"],
  [25, "java25"],
];

/** Names that stand in a class's constant pool when it implements one of Lambda's interfaces. */
const interfaces = [
  "com/amazonaws/services/lambda/runtime/RequestHandler",
  "com/amazonaws/services/lambda/runtime/RequestStreamHandler",
];

/** Folders of libraries, and more classes than a look is worth. */
const skipped = new Set(["lib", "META-INF", "node_modules"]);
const maxClasses = 5000;

export interface FoundClass {
  readonly runtime: string;
  readonly handler: string;
  readonly because: string;
}

/**
 * A compiled Java function in a folder: the class that the handler names, or the only class that implements one of Lambda's
 * interfaces. The runtime is the oldest that can load it. Rejects with a CommandFailure when several would do.
 */
export async function java(folder: string, handler: string | undefined): Promise<FoundClass | undefined> {
  if (handler !== undefined) {
    const file = `${handler.split("::")[0]!.replaceAll(".", "/")}.class`;
    const bytes = await readFile(join(folder, file)).catch(() => undefined);
    const runtime = bytes && runtimeOf(bytes);
    return runtime === undefined ? undefined : { runtime, handler, because: file };
  }
  const found: FoundClass[] = [];
  for (const file of await classes(folder)) {
    const bytes = await readFile(join(folder, file));
    const runtime = runtimeOf(bytes);
    if (runtime === undefined || !interfaces.some((name) => bytes.includes(name))) continue;
    const name = file.slice(0, -".class".length).replaceAll("/", ".");
    found.push({ runtime, handler: `${name}::handleRequest`, because: `${file} implements Lambda's interface` });
  }
  if (found.length > 1) {
    throw new CommandFailure(
      `${found.map((each) => each.handler).join(", ")} in ${folder}: any of them may be the handler.`,
      { next: `name it: --handler ${found[0]?.handler}` },
    );
  }
  return found[0];
}

async function classes(folder: string): Promise<string[]> {
  const files: string[] = [];
  const walk = async (prefix: string): Promise<void> => {
    for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
      const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
      if (entry.isDirectory() && !skipped.has(entry.name) && !entry.name.startsWith(".")) await walk(path);
      else if (entry.isFile() && entry.name.endsWith(".class") && files.length < maxClasses) files.push(path);
    }
  };
  await walk("");
  return files.sort();
}

function runtimeOf(bytes: Buffer): string | undefined {
  if (bytes.length < 8 || bytes.readUInt32BE(0) !== 0xcafebabe) return undefined;
  const version = bytes.readUInt16BE(6) - 44;
  return runtimes.find(([newest]) => version <= newest)?.[1];
}
