import { randomUUID } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The function version that an image is of. */
export interface ImageOwner {
  readonly account: string;
  readonly region: string;
  readonly name: string;
  readonly version: string;
  /** FunctionVersion.key */
  readonly key: string;
}

/** What is known of an image beside its bytes. */
export interface ImageFacts {
  readonly pages: number;
  readonly threads: number;
  readonly copied: boolean;
  readonly sockets: number;
  /** how the copied runtime takes its events */
  readonly via: "frames" | "http";
  /** init drew random bytes; undefined: the runtime does not say */
  readonly drew: boolean | undefined;
  /** how long the process took to be initialised, and how long it was stopped for the copy, milliseconds */
  readonly initMs: number;
  readonly dumpMs: number;
  /** it is of a whole tree of processes, made by CRIU: a directory */
  readonly by?: "criu";
}

/** The image of an initialised process. */
export interface Image {
  /** digest of all that decides the process (environments/image-key.ts) */
  readonly key: string;
  readonly path: string;
  readonly owner: ImageOwner;
  /** milliseconds since the epoch */
  readonly madeAt: number;
  readonly bytes: number;
  readonly facts: ImageFacts;
}

export interface ImagesNeeds {
  /** below it, only this user can read or write anything */
  readonly directory: string;
  /** digest of this machine (machine.ts): images of another are deleted */
  readonly machine: string;
  /** bytes all images may take; beyond, the longest unused go */
  readonly budgetBytes: number;
}

/** Images of initialised processes on disk. They hold a function's memory: nobody but the platform can read one. */
export interface Images {
  /** The image with this key, for a use now. */
  find(key: string): Image | undefined;
  /** A path for a new image, not yet there. */
  draft(): string;
  /** Makes the file, or directory of files, at a draft's path the image of this key, in place of an earlier one, and makes room. */
  keep(draft: string, image: Omit<Image, "path">): Promise<Image>;
  /** A draft that became nothing. */
  discard(draft: string): Promise<void>;
  drop(key: string): Promise<void>;
  /** Drops those of function versions that are no more. */
  sweep(isCurrent: (owner: ImageOwner) => boolean): Promise<void>;
  list(): Image[];
  storedBytes(): number;
}

interface Stored {
  readonly image: Image;
  /** a number that grows with every use */
  used: number;
}

/** Opens the store. What a crash left half-done, and images of another machine, boot, kernel or agent, are deleted. */
export function createImages(needs: ImagesNeeds): Images {
  const { directory } = needs;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  const stored = new Map<string, Stored>();
  let uses = 0;
  for (const image of readAll(directory, needs.machine)) stored.set(image.key, { image, used: 0 });

  const storedBytes = () => [...stored.values()].reduce((sum, { image }) => sum + image.bytes, 0);

  async function drop(key: string): Promise<void> {
    const found = stored.get(key);
    if (!found) return;
    stored.delete(key);
    // What maps the image at the moment keeps its pages.
    await rm(found.image.path, { force: true, recursive: true });
    await rm(noteOf(directory, key), { force: true });
  }

  /** Images of the same version that nothing will ask for again: its runtime or its surroundings have changed. */
  async function dropSuperseded({ key, owner }: Pick<Image, "key" | "owner">): Promise<void> {
    for (const [other, { image }] of [...stored]) if (other !== key && image.owner.key === owner.key) await drop(other);
  }

  async function makeRoom(): Promise<void> {
    const oldestFirst = [...stored].sort(([, a], [, b]) => a.used - b.used || a.image.madeAt - b.image.madeAt);
    let over = storedBytes() - needs.budgetBytes;
    for (const [key, { image }] of oldestFirst) {
      if (over <= 0) return;
      over -= image.bytes;
      await drop(key);
    }
  }

  return {
    find(key) {
      const found = stored.get(key);
      if (found) found.used = ++uses;
      return found?.image;
    },
    draft: () => join(directory, `${randomUUID()}.draft`),
    async keep(draft, image) {
      const kept: Image = { ...image, path: join(directory, `${image.key}.image`) };
      // First the bytes: a note without its image, or with one of another size, is deleted at the next start.
      // A directory cannot take another's place.
      if (sizeOf(kept.path) !== undefined) await rm(kept.path, { force: true, recursive: true });
      await rename(draft, kept.path);
      const note = JSON.stringify({ machine: needs.machine, ...kept });
      await writeFile(noteOf(directory, image.key), note, { mode: 0o600 });
      stored.set(image.key, { image: kept, used: ++uses });
      await dropSuperseded(image);
      await makeRoom();
      return kept;
    },
    discard: (draft) => rm(draft, { force: true, recursive: true }),
    drop,
    async sweep(isCurrent) {
      for (const { image } of [...stored.values()]) if (!isCurrent(image.owner)) await drop(image.key);
    },
    list: () => [...stored.values()].map(({ image }) => image),
    storedBytes,
  };
}

/** Bytes of a file, or of the files in a directory; undefined: there is none. */
function sizeOf(path: string): number | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return found?.size;
  return readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0);
}

function noteOf(directory: string, key: string): string {
  return join(directory, `${key}.json`);
}

/** The images that are whole and of this machine; deletes everything else. */
function readAll(directory: string, machine: string): Image[] {
  const names = readdirSync(directory);
  const images = names.filter((name) => name.endsWith(".json")).flatMap((name) => readNote(directory, name, machine));
  const known = new Set(images.flatMap(({ key }) => [`${key}.json`, `${key}.image`]));
  for (const name of names) if (!known.has(name)) rmSync(join(directory, name), { recursive: true, force: true });
  return images;
}

function readNote(directory: string, name: string, machine: string): Image[] {
  try {
    const note = JSON.parse(readFileSync(join(directory, name), "utf8")) as Image & { machine: string };
    const path = join(directory, `${note.key}.image`);
    const whole = name === `${note.key}.json` && note.machine === machine && sizeOf(path) === note.bytes;
    const { key, owner, madeAt, bytes, facts } = note;
    return whole ? [{ key, path, owner, madeAt, bytes, facts }] : [];
  } catch {
    return [];
  }
}
