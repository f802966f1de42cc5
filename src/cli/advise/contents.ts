import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { fromBuffer } from "yauzl";
import { CommandFailure } from "../failure.ts";

/** A package's files by their paths, folders left out. */
export type Contents = ReadonlyMap<string, Buffer>;

/** Every file of a zip, unpacked in memory. */
export function contentsOf(zip: Buffer): Promise<Contents> {
  return new Promise((resolve, reject) => {
    fromBuffer(zip, { lazyEntries: true }, (failure, archive) => {
      if (failure) return reject(failure);
      const files = new Map<string, Buffer>();
      archive.on("error", reject);
      archive.on("end", () => resolve(files));
      archive.on("entry", (entry) => {
        if (entry.fileName.endsWith("/")) return archive.readEntry();
        archive.openReadStream(entry, (problem, stream) => {
          if (problem) return reject(problem);
          const chunks: Buffer[] = [];
          stream.on("data", (chunk: Buffer) => chunks.push(chunk));
          stream.on("error", reject);
          stream.on("end", () => {
            files.set(entry.fileName, Buffer.concat(chunks));
            archive.readEntry();
          });
        });
      });
      archive.readEntry();
    });
  });
}

/** Writes a package's files below a folder. A path that leads out of it is refused. */
export async function writeContents(contents: Contents, folder: string): Promise<void> {
  for (const [name, bytes] of contents) {
    const path = resolve(join(folder, name));
    if (!path.startsWith(resolve(folder) + sep)) throw new CommandFailure(`${name} in the package leads out of it.`);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  }
}

export function sizeOf(contents: Contents): number {
  let size = 0;
  for (const bytes of contents.values()) size += bytes.length;
  return size;
}

/** The package that a file belongs to: `node_modules/a/…` → `a`, scoped ones too; a Python package beside the code by its folder. undefined: the function's own. */
export function dependencyOf(file: string, installed: ReadonlySet<string>): string | undefined {
  const inNode = /(?:^|.*\/)node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1];
  if (inNode !== undefined) return inNode;
  const first = file.split("/")[0]!.replace(/\.py$/, "");
  if (installed.has(first)) return first;
  // what comes with the runtime has an absolute path
  const runtime = /(?:site|dist)-packages\/([^/]+?)(?:\.py)?(?:\/|$)/.exec(file)?.[1];
  return runtime ?? (file.startsWith("/") || file.startsWith("..") || !file.includes(".") ? "the runtime" : undefined);
}

/** Top-level names that pip installed into the package, by their metadata (RECORD lists what belongs to a distribution). */
export function pipInstalled(contents: Contents): Set<string> {
  const names = new Set<string>();
  for (const [file, bytes] of contents) {
    if (!/^[^/]+\.dist-info\/RECORD$/.test(file)) continue;
    for (const line of bytes.toString().split("\n")) {
      const first = line.split(/[/,]/)[0]!.replace(/\.py$/, "");
      if (/^\w+$/.test(first) && first !== "__pycache__") names.add(first);
    }
  }
  return names;
}
