import {
  chmodSync,
  constants,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { setImmediate } from "node:timers/promises";

/**
 * Puts unpacked trees over each other into the new directory `into`: a later tree's file, link or directory takes the
 * place of an earlier one's of that name, and directories of both are merged, as Lambda extracts layers into /opt.
 * Files are hard links to the trees' own where the file system allows, else copies that share blocks where it can.
 */
export async function mergeTrees(trees: readonly string[], into: string): Promise<void> {
  makeDirectory(into);
  for (const tree of trees) await mergeTree(tree, into);
}

async function mergeTree(from: string, into: string): Promise<void> {
  await setImmediate(); // one directory at a time, so that invocations get their turn
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = `${from}/${entry.name}`;
    const target = `${into}/${entry.name}`;
    // lstat: what is there is looked at, never followed.
    const there = lstatSync(target, { throwIfNoEntry: false });
    if (entry.isDirectory()) {
      if (there !== undefined && !there.isDirectory()) rmSync(target);
      if (!there?.isDirectory()) makeDirectory(target);
      await mergeTree(source, target);
      continue;
    }
    if (there !== undefined) rmSync(target, { recursive: true });
    if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else linkOrCopy(source, target);
  }
}

function makeDirectory(path: string): void {
  mkdirSync(path);
  chmodSync(path, 0o755); // whatever the umask is
}

function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch {
    copyFileSync(source, target, constants.COPYFILE_FICLONE);
  }
}
