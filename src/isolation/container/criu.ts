import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Mount } from "../driver.ts";
import { type CriuNeeds, selfTest } from "./criu-selftest.ts";

/** A CRIU that sandboxes can run. */
export interface Criu {
  /** of the machine */
  readonly path: string;
  readonly version: string;
  /** the program as sandboxes see it */
  readonly program: string;
  /** what has to be mounted for that; nothing where it is below /usr */
  readonly mounts: readonly Mount[];
}

export interface CriuProbe {
  /** found, new enough, and a tree of processes was copied with it on this machine */
  readonly usable: boolean;
  /** one sentence for the operator */
  readonly detail: string;
  readonly criu: Criu | undefined;
}

/** Where distributions put it. */
export const usualPlaces = ["/usr/local/sbin/criu", "/usr/local/bin/criu", "/usr/sbin/criu", "/usr/bin/criu"] as const;

/** Older ones fail on kernels from 6.13 on, whose vdso has another form. */
const oldest = [4, 2] as const;
const howToGet = "install it from Debian 14 (forky) or newer, or from your distribution: criu 4.2 or later";
const inside = "/run/thaw/criu";

/**
 * The first of `places` that is CRIU 4.2 or later; a sentence where there is none. `places` are paths of the machine; one
 * that is not below /usr, /bin or /sbin is given to sandboxes with the whole directory that it is in.
 */
export async function findCriu(places: readonly string[]): Promise<Criu | string> {
  let tooOld: string | undefined;
  for (const place of places) {
    const version = await versionOf(place);
    if (version === undefined) continue;
    if (isNewEnough(version)) {
      const path = realpathSync(place);
      const system = /^\/(usr|bin|sbin)\//.test(path);
      const mounts = system ? [] : [{ source: dirname(path), target: inside }];
      return { path, version, program: system ? path : join(inside, basename(path)), mounts };
    }
    tooOld ??= `${place} is version ${version}`;
  }
  return `${tooOld ?? "there is no criu"}: ${howToGet}`;
}

/** `4.2.1` of `Version: 4.2.1`; undefined: no such program, or another one. */
async function versionOf(path: string): Promise<string | undefined> {
  const said = await promisify(execFile)(path, ["--version"], { timeout: 5000 }).catch(() => undefined);
  return /^Version: (\d+\.\d+\S*)/m.exec(said?.stdout ?? "")?.[1];
}

export function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
}

/**
 * Finds CRIU and tries it out: a shell with a child is dumped and restored in a sandbox. Takes about 300 ms, so it belongs
 * into the background of a start. `cache`: a file that keeps a good answer until the machine, its kernel or CRIU changes.
 */
export async function probeCriu(places: readonly string[], needs: CriuNeeds, cache: string): Promise<CriuProbe> {
  const criu = await findCriu(places);
  if (typeof criu === "string") return { usable: false, detail: criu, criu: undefined };
  const key = [criu.path, criu.version, release(), bootId()].join(" ");
  const known = recall(cache, key);
  const failure = known ?? (await tried(criu, needs, dirname(cache)));
  // what fails may have failed because the platform was about to end
  if (known === undefined && failure === "") remember(cache, key, failure);
  const detail =
    failure === "" ? `criu ${criu.version} copies process trees here` : `criu ${criu.version} fails here: ${failure}`;
  return { usable: failure === "", detail, criu };
}

/** The row of `thaw doctor`. */
export interface CriuFeature {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

const feature = "images of process trees (criu)";

export function criuFeature({ usable, detail, criu }: CriuProbe): CriuFeature {
  return { name: feature, ok: usable, detail: criu ? `${detail} (${criu.path})` : detail };
}

/** Where nobody has asked for it: what there would be. Tries nothing out. */
export async function unusedCriu(places: readonly string[]): Promise<CriuFeature> {
  const found = await findCriu(places);
  const there = typeof found === "string" ? found : `criu ${found.version} is there (${found.path})`;
  return { name: feature, ok: true, detail: `off, the default; ${there}; THAW_CRIU=on uses it` };
}

/** Why it does not work; empty where it does. */
async function tried(criu: Criu, needs: CriuNeeds, parent: string): Promise<string> {
  const directory = mkdtempSync(join(parent, "criu-"));
  try {
    await selfTest(criu, needs, join(directory, "image"));
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

function recall(cache: string, key: string): string | undefined {
  try {
    const known = JSON.parse(readFileSync(cache, "utf8")) as { readonly key?: unknown; readonly failure?: unknown };
    return known.key === key && typeof known.failure === "string" ? known.failure : undefined;
  } catch {
    return undefined; // there is none, or it was cut
  }
}

function remember(cache: string, key: string, failure: string): void {
  writeFileSync(`${cache}.new`, JSON.stringify({ key, failure }), { mode: 0o600 });
  renameSync(`${cache}.new`, cache);
}
