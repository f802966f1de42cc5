import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Trees } from "./trees.ts";

/** The function version that compiled code is of. */
export interface CompiledOwner {
  readonly account: string;
  readonly region: string;
  readonly name: string;
  readonly version: string;
  /** FunctionVersion.key: new with every change of code or configuration */
  readonly key: string;
}

/** A file as a runtime handed it over: its name, perhaps in one folder (`name` or `folder/name`), and its bytes. */
export type CompiledFiles = ReadonlyMap<string, Uint8Array>;

/**
 * What runtimes have compiled of functions' code. A tenant's code has made it and may have made anything of it: it is
 * kept by the very version that it came from, nobody else sees it, and the platform never looks into it.
 */
export interface Compiled {
  /** The folder of this version, for one way of starting it (`form`: whatever decides whether the runtime can use it). */
  find(owner: CompiledOwner, form: string): string | undefined;
  /** Keeps it in place of an earlier one of the version, and makes room. Rejects with CompiledRefused. */
  keep(owner: CompiledOwner, form: string, files: CompiledFiles): Promise<void>;
  drop(owner: Pick<CompiledOwner, "key">): Promise<void>;
  /** Drops that of function versions that are no more. */
  sweep(isCurrent: (owner: CompiledOwner) => boolean): Promise<void>;
  storedBytes(): number;
}

/** What a runtime handed over is no compiled code that is taken. The message says why. */
export class CompiledRefused extends Error {
  override readonly name = "CompiledRefused";
}

/** The most that is kept of one version. */
export const compiledLimits = Object.freeze({ bytes: 64 * 2 ** 20, files: 8192 });

/** Of all versions together, bytes; beyond, the oldest go. */
const budgetBytes = 2 ** 31;

/** Throws CompiledRefused unless this is a name that is the same everywhere and leads nowhere else. */
export function checkCompiledName(name: string): void {
  if (/^(\w[\w.-]{0,99}\/)?\w[\w.-]{0,99}$/.test(name)) return;
  throw new CompiledRefused(`${JSON.stringify(name.slice(0, 100))} is no name for compiled code`);
}

interface Stored {
  readonly owner: CompiledOwner;
  readonly form: string;
  readonly path: string;
  readonly bytes: number;
  readonly madeAt: number;
}

/** @param trees theirs alone */
export function createCompiled(trees: Trees, directory: string): Compiled {
  /** by the owner's key: a version has one way of starting at a time */
  const stored = new Map<string, Stored>();
  for (const { key, madeAt } of trees.list()) {
    const found = read(join(directory, key), madeAt);
    if (found) stored.set(found.owner.key, found);
    // Of no version: nobody would ever ask for it.
    else void trees.remove(key).catch(() => undefined);
  }
  const storedBytes = () => [...stored.values()].reduce((sum, { bytes }) => sum + bytes, 0);

  async function drop({ key }: Pick<CompiledOwner, "key">): Promise<void> {
    const found = stored.get(key);
    if (!found) return;
    stored.delete(key);
    await trees.remove(treeKey(found.owner, found.form));
  }

  async function makeRoom(): Promise<void> {
    let over = storedBytes() - budgetBytes;
    for (const { owner, bytes } of [...stored.values()].sort((a, b) => a.madeAt - b.madeAt)) {
      if (over <= 0) return;
      over -= bytes;
      await drop(owner);
    }
  }

  return {
    find(owner, form) {
      const found = stored.get(owner.key);
      return found?.form === form ? join(found.path, "files") : undefined;
    },
    async keep(owner, form, files) {
      const bytes = checkedBytes(files);
      await drop(owner);
      const { account, region, name, version, key } = owner;
      const note: Omit<Stored, "path" | "madeAt"> = { owner: { account, region, name, version, key }, form, bytes };
      const path = await trees.get(treeKey(owner, form), (into) => write(into, files, note));
      stored.set(key, { ...note, path, madeAt: Date.now() });
      await makeRoom();
    },
    drop,
    async sweep(isCurrent) {
      for (const { owner } of [...stored.values()]) if (!isCurrent(owner)) await drop(owner);
    },
    storedBytes,
  };
}

function checkedBytes(files: CompiledFiles): number {
  if (files.size > compiledLimits.files) throw new CompiledRefused(`more than ${compiledLimits.files} files`);
  let bytes = 0;
  for (const [name, content] of files) {
    checkCompiledName(name);
    bytes += content.length;
  }
  if (bytes > compiledLimits.bytes) throw new CompiledRefused(`${bytes} bytes; ${compiledLimits.bytes} are taken`);
  return bytes;
}

/** Never one for two accounts, even of the same code: what is in it is the word of a tenant. */
function treeKey({ account, region, name, version, key }: CompiledOwner, form: string): string {
  return createHash("sha256")
    .update(JSON.stringify([account, region, name, version, key, form]))
    .digest("hex");
}

/** Readable by everybody, for a sandbox's user is nobody here; writable by the platform alone. */
async function write(into: string, files: CompiledFiles, note: Omit<Stored, "path" | "madeAt">): Promise<void> {
  const folder = join(into, "files");
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  for (const [name, content] of files) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    // A name that is a folder as well, or given twice, is an error of whoever sent it.
    await writeFile(path, content, { mode: 0o444, flag: "wx" });
  }
  await writeFile(join(into, "note.json"), JSON.stringify(note), { mode: 0o600 });
}

function read(path: string, madeAt: number): Stored | undefined {
  try {
    if (!statSync(join(path, "files")).isDirectory()) return undefined;
    const note = JSON.parse(readFileSync(join(path, "note.json"), "utf8")) as Omit<Stored, "path" | "madeAt">;
    return { ...note, path, madeAt };
  } catch {
    return undefined;
  }
}
